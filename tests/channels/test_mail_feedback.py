"""Complaints at mailbox providers: whose they are, about which mail, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels.mail.feedback import Feedback, FeedbackType, feedback_of
from channels.mail.message import TooLarge, Unreadable, parse
from tests.given import given as given_data

RETURNED = "Message-ID: <k1.mac@ours.example>\nFrom: shop@ours.example\nTo: li@shop.example\nSubject: Offers\n\nBuy\n"


def _report(fields: str, *, returned: str = RETURNED, part: str = "message/feedback-report") -> bytes:
    return (
        "From: fbl@provider.example\nTo: shop@ours.example\nSubject: Abuse report\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\n\n'
        "--b\nContent-Type: text/plain\n\nThis is an abuse report.\n"
        f"--b\nContent-Type: {part}\n\n{fields}\n--b\nContent-Type: message/rfc822\n\n{returned}\n--b--\n"
    ).encode()


def _of(raw: bytes) -> Feedback | None:
    return feedback_of(parse(raw))


@pytest.mark.parametrize(
    ("file", "recipients", "original"),
    [
        ("arf-01.eml", (), None),  # redacted
        ("arf-15.eml", (), "ffffffffffffffffffffffff00000000@example.net"),
        (
            "arf-17.eml",
            ("kijitora@example.com", "sabatora@example.net"),
            "EEEEEEEE-0000-0000-0000-EEEEEEEE2222@example.net",
        ),
    ],
)
def test_the_given_reports_are_complaints(file: str, recipients: tuple[str, ...], original: str | None) -> None:
    feedback = _of(given_data(f"mail/sisimai_bounces/bounce/{file}").read_bytes())
    assert feedback is not None
    assert feedback.is_complaint
    assert (feedback.recipients, feedback.original_message_id) == (recipients, original)


def test_a_report_tells_who_complained_about_which_mail() -> None:
    fields = (
        "Feedback-Type: abuse\nUser-Agent: Provider-FBL/1.0\nVersion: 1\nOriginal-Rcpt-To: <li@shop.example>\n"
        "Incidents: 3\n"
    )
    assert _of(_report(fields)) == Feedback(
        type=FeedbackType.ABUSE,
        recipients=("li@shop.example",),
        original_message_id="k1.mac@ours.example",
        source="Provider-FBL/1.0",
        count=3,
    )


@pytest.mark.parametrize(
    ("stated", "type_", "complaint"),
    [
        ("abuse", FeedbackType.ABUSE, True),
        ("Fraud", FeedbackType.FRAUD, True),
        ("opt-out", FeedbackType.OPT_OUT, True),
        ("not-spam", FeedbackType.NOT_SPAM, False),
        ("auth-failure", FeedbackType.AUTHENTICATION, False),
        ("virus", FeedbackType.VIRUS, False),
        ("something-new", FeedbackType.OTHER, True),
    ],
)
def test_only_what_a_person_did_not_want_withdraws_consent(stated: str, type_: FeedbackType, complaint: bool) -> None:
    feedback = _of(_report(f"Feedback-Type: {stated}\nVersion: 1\n"))
    assert feedback is not None
    assert (feedback.type, feedback.is_complaint) == (type_, complaint)


def test_without_a_stated_recipient_the_returned_mail_tells() -> None:
    feedback = _of(_report("Feedback-Type: abuse\nVersion: 0.1\n"))
    assert feedback is not None
    assert feedback.recipients == ("li@shop.example",)


@pytest.mark.parametrize(
    "hidden", ["redacted@aol.example", "<redacted>", "undisclosed-recipients:;", "xxxxx@provider.example"]
)
def test_a_hidden_recipient_is_nobody_and_the_mail_is_still_known(hidden: str) -> None:
    feedback = _of(_report(f"Feedback-Type: abuse\nOriginal-Rcpt-To: {hidden}\n"))
    assert feedback is not None
    assert (feedback.recipients, feedback.original_message_id) == ((), "k1.mac@ours.example")


def test_fields_in_a_part_that_lost_its_type_are_found() -> None:
    fields = "Feedback-Type: abuse\nUser-Agent: F/1\nOriginal-Rcpt-To: li@shop.example\n"
    feedback = _of(_report(fields, part="text/plain"))
    assert feedback is not None
    assert (feedback.type, feedback.recipients) == (FeedbackType.ABUSE, ("li@shop.example",))


def test_microsofts_reports_name_the_recipient_in_a_header() -> None:
    raw = (
        "From: staff@hotmail.example\nSubject: complaint about message from 192.0.2.1\nX-HmXmrOriginalRecipient: "
        'li@hotmail.example\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: '
        f"message/rfc822\n\n{RETURNED}\n--b--\n"
    )
    assert _of(raw.encode()) == Feedback(
        type=FeedbackType.ABUSE,
        recipients=("li@hotmail.example",),
        original_message_id="k1.mac@ours.example",
        source="hotmail.example",
    )


@pytest.mark.parametrize(
    "raw",
    [
        b"From: li@shop.example\nSubject: Abuse report\n\nYour driver abused me.\n",
        b"From: complaints@shop.example\nSubject: Complaint about a late parcel\n\nFeedback: bad\n",
        b"From: staff@shop.example\nSubject: complaint about message\n\nFeedback type: angry\n",
        b"From: li@shop.example\nSubject: feedback\n\nFeedback-Type: abuse\n",
    ],
)
def test_a_persons_complaint_about_us_is_no_report(raw: bytes) -> None:
    assert _of(raw) is None


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.one_of(st.sampled_from([b"Feedback-Type: ", b"Original-Rcpt-To: ", b"--b\n", b"\n"]), st.binary(max_size=20))
    )
)
def test_no_bytes_break_the_reading_of_a_complaint(pieces: list[bytes]) -> None:
    head = b"From: fbl@provider.example\nSubject: Abuse report\nContent-Type: multipart/report; boundary=b\n\n"
    for raw in (head + b"".join(pieces), _report("").replace(b"Buy", b"".join(pieces))):
        try:
            mail = parse(raw)
        except (Unreadable, TooLarge):
            continue
        feedback = feedback_of(mail)
        assert feedback is None or feedback.type in FeedbackType
