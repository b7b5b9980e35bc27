"""What came back, for whom, why, and above all: no address is closed while there is doubt."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels.mail.bounce_reasons import HARD, Command, Reason
from channels.mail.bounce_verdicts import reason_by_status, reason_in
from channels.mail.bounces import Bounce, BounceKind, bounces_of
from channels.mail.message import TooLarge, Unreadable, parse
from tests.channels.mail_bounce_shapes import SHAPES, Shape
from tests.given import given as given_data

SISIMAI: Final = "mail/sisimai_bounces"
FLUFL: Final = "mail/flufl_bounce"
NO_BOUNCES: Final = frozenset({"feedback", "vacation"})
"""What Sisimai also reports, and we by `feedback_of` and `automatic`."""

SOFTER: Final = {
    "bounce/lhost-exim-37.eml": "the host that does not exist is the sender's own, said after the text was taken",
}
"""Hard by expectation, soft with us: the reason."""
NO_REPORT: Final = {
    "bounce/lhost-sendmail-14.eml": "a person forwards a bounce and asks what it means: no mail system closes it",
}
IS_A_REPORT: Final = {
    "not_bounce/rb-issue-368-bug.eml": "it says that it is a bounce, of whom, and that the mailbox is full",
}
OTHER_RECIPIENTS: Final = {
    "aol_01.txt": "a screen name without its domain is no address",
    "dumbass_01.txt": "the returned mail tells whom it was for",
    "simple_20.txt": "nothing tells that this is a mail system's mail but its sentence, which a person may quote",
}


def _bounces(path: Path) -> tuple[Bounce, ...]:
    return bounces_of(parse(path.read_bytes()))


def _cases() -> Sequence[Mapping[str, object]]:
    cases: list[Mapping[str, object]] = json.loads(given_data(f"{SISIMAI}/expected.json").read_text())
    return [case for case in cases if not NO_BOUNCES & {one["reason"] for one in _expected(case)}]


def _expected(case: Mapping[str, object]) -> list[Mapping[str, str]]:
    expected = case["expected"]
    assert isinstance(expected, list)
    return expected


CASES: Final = _cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["file"]))
def test_every_given_bounce_names_its_recipients_and_who_of_them_is_gone(case: Mapping[str, object]) -> None:
    file = str(case["file"])
    bounces = _bounces(given_data(SISIMAI) / file)
    if file in NO_REPORT:
        assert bounces == ()
        return
    kinds = [BounceKind.HARD if one["hard_bounce"] else BounceKind.SOFT for one in _expected(case)]
    assert [bounce.kind for bounce in bounces] == ([BounceKind.SOFT] * len(kinds) if file in SOFTER else kinds)
    assert all("@" in bounce.recipient for bounce in bounces)


def test_status_codes_of_the_given_bounces_are_those_that_their_servers_stated() -> None:
    right, stated = 0, 0
    for case in CASES:
        bounces = _bounces(given_data(SISIMAI) / str(case["file"]))
        for bounce, one in zip(bounces, _expected(case), strict=False):
            invented = len(one["status"].rpartition(".")[2]) == 3 and one["status"].rpartition(".")[2].startswith("9")
            if one["status"] and not invented:
                stated += 1
                right += bounce.status == one["status"]
    assert right / stated >= 0.95


def test_the_given_mail_that_others_do_not_take_for_a_bounce_is_one_and_closes_nothing() -> None:
    for file in IS_A_REPORT:
        (bounce,) = _bounces(given_data(SISIMAI) / file)
        assert (bounce.kind, bounce.reason) == (BounceKind.SOFT, Reason.MAILBOX_FULL)


FLUFL_CASES: Final[Mapping[str, Mapping[str, list[str]]]] = json.loads(given_data(f"{FLUFL}/expected.json").read_text())


@pytest.mark.parametrize("file", FLUFL_CASES)
def test_every_given_report_names_the_same_recipients_as_an_older_reader(file: str) -> None:
    expected = FLUFL_CASES[file]
    bounces = _bounces(given_data(f"{FLUFL}/data") / file)
    same = {bounce.recipient.lower() for bounce in bounces} == {
        address.lower() for address in expected["temporary"] + expected["permanent"]
    }
    assert same == (file not in OTHER_RECIPIENTS)
    temporary = {address.lower() for address in expected["temporary"]}
    assert not [one for one in bounces if one.recipient.lower() in temporary and one.kind is BounceKind.HARD]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_reports_that_keep_to_no_standard_are_read(shape: Shape) -> None:
    bounces = bounces_of(parse(shape.raw))
    assert tuple((one.recipient, one.kind.value, one.reason.value) for one in bounces) == shape.expected


def _report(fields: str, *, prose: str = "", returned: str = "", kind: str = "delivery-status") -> bytes:
    return (
        "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nTo: shop@ours.example\nSubject: Report\nMIME-Version: 1.0\n"
        f'Content-Type: multipart/report; report-type={kind}; boundary="b"\n\n'
        f"--b\nContent-Type: text/plain\n\n{prose}\n--b\nContent-Type: message/delivery-status\n\n"
        f"Reporting-MTA: dns; mx.example\n\n{fields}\n--b\nContent-Type: message/rfc822\n\n{returned}\n--b--\n"
    ).encode()


def test_a_standard_report_gives_all_that_it_states() -> None:
    fields = (
        "Original-Recipient: rfc822;li@shop.example\nFinal-Recipient: rfc822; li@office.example\nAction: failed\n"
        "Status: 5.0.0\nRemote-MTA: dns; mx.office.example\nDiagnostic-Code: smtp; 550 5.1.1 <li@office.example>:\n"
        "    Recipient address rejected: User unknown\n"
    )
    (bounce,) = bounces_of(parse(_report(fields, returned="Message-ID: <k1.mac@ours.example>\nSubject: x\n\nhello")))
    assert bounce == Bounce(
        recipient="li@shop.example",
        final_recipient="li@office.example",
        kind=BounceKind.HARD,
        reason=Reason.USER_UNKNOWN,
        status="5.1.1",
        reply_code="550",
        diagnostic="550 5.1.1 <li@office.example>: Recipient address rejected: User unknown",
        remote="mx.office.example",
        original_message_id="k1.mac@ours.example",
    )


def test_a_delay_is_no_failure_whatever_its_reason() -> None:
    fields = (
        "Final-Recipient: rfc822; li@shop.example\nAction: delayed\nStatus: 4.1.1\nDiagnostic-Code: smtp; 450 4.1.1 "
        "<li@shop.example>: Recipient address rejected: User unknown\n"
    )
    (bounce,) = bounces_of(parse(_report(fields)))
    assert (bounce.kind, bounce.delayed) == (BounceKind.SOFT, True)


def test_news_that_a_mail_arrived_is_no_bounce() -> None:
    fields = "Final-Recipient: rfc822; li@shop.example\nAction: relayed\nStatus: 2.0.0\n"
    assert bounces_of(parse(_report(fields, prose="Your message was relayed to:\n\n<li@shop.example>\n"))) == ()


def test_only_those_who_failed_are_named_of_a_report_about_several() -> None:
    fields = (
        "Final-Recipient: rfc822; wu@shop.example\nAction: delivered\nStatus: 2.1.5\n\n"
        "Final-Recipient: rfc822; li@shop.example\nAction: failed\nStatus: 5.1.1\n"
    )
    (bounce,) = bounces_of(parse(_report(fields)))
    assert (bounce.recipient, bounce.kind) == ("li@shop.example", BounceKind.HARD)


def test_a_refusal_of_our_own_server_or_sender_says_nothing_about_the_recipient() -> None:
    for command in (Command.SENDER, Command.CONNECTION):
        assert reason_in("550 5.1.1 user unknown", status="5.1.1", command=command) not in HARD


def test_unknown_after_the_text_may_be_a_filter_speaking() -> None:
    said = "550 <li@shop.example>: User unknown"
    assert reason_in(said, status=None, command=Command.RECIPIENT) is Reason.USER_UNKNOWN
    assert reason_in(said, status=None, command=Command.TEXT) is Reason.FILTERED
    assert reason_in(said, status=None, command=Command.UNKNOWN) is Reason.FILTERED


def test_a_mailbox_that_is_called_like_a_reason_is_no_reason() -> None:
    said = "452 4.2.2 <userunknown@nosuchuser.example> Mailbox full"
    assert reason_in(said, status="4.2.2", command=Command.RECIPIENT) is Reason.MAILBOX_FULL
    assert reason_in("250 <no.such.user@spam.example>", status=None, command=Command.RECIPIENT) is None


@pytest.mark.parametrize(
    "said",
    [
        "address does not exist",
        "No such user here",
        "invalid recipient",
        "no mailbox by that name is currently available: no mailbox here by that name",
        "Requested action not taken: mailbox unavailable",
        "The email account that you tried to reach does not exist",
        "User unknown in virtual mailbox table",
        "Recipient address rejected: Access denied",
        "there is no one at this address",
        "Benutzer existiert nicht",
        "destinatario no existe",
        "utilisateur inconnu",
        "пользователь не найден",
        "收件人不存在",
        "查无此人",
        "該用戶不存在：無此用戶",
        "宛先のメールアドレスは存在しません",
        "사용자가 존재하지 않습니다",
        "domain name not found",
        "does not accept mail (nullMX)",
        "has moved to li@new.example",
    ],
)
def test_that_nobody_is_there_is_understood_in_many_words(said: str) -> None:
    assert reason_in(f"550 <li@shop.example>: {said}", status=None, command=Command.RECIPIENT) in HARD


@pytest.mark.parametrize(
    "said",
    [
        "mailbox full",
        "user is over quota, no such luck",
        "邮箱已满",
        "信箱容量不足",
        "this account has been disabled",
        "account temporarily suspended",
        "账号已被停用",
        "relaying denied",
        "sender address rejected: domain not found",
        "Sender verify failed: no such user",
        "rejected due to the sender's DMARC policy",
        "client host blocked using a blocklist",
        "this message looks like spam",
        "疑似垃圾邮件",
        "too many connections",
        "greylisted, try again later",
        "unverified address: address verification in progress",
        "message size exceeds fixed limit",
        "connection timed out",
        "mailbox temporarily unavailable",
        "Recipient address rejected: Policy rejection on the target address",
        "recipient rejected: temporarily inactive",
        "refused due to recipient preferences",
        "helo command rejected: host not found",
        "Host not found, try again",
    ],
)
def test_no_address_is_closed_for_what_may_pass_or_is_about_us(said: str) -> None:
    reason = reason_in(f"550 <li@shop.example>: {said}", status=None, command=Command.RECIPIENT)
    assert reason is not None
    assert reason not in HARD


def test_a_status_code_alone_is_enough_only_where_it_leaves_no_doubt() -> None:
    assert reason_by_status("5.1.1") is Reason.USER_UNKNOWN
    assert reason_by_status("5.1.2") is Reason.HOST_UNKNOWN
    for status in ("4.1.1", "4.4.4", "5.0.0", "5.1.0", "5.2.1", "5.7.1", "5.5.0", "9.9.9", None):
        assert reason_by_status(status) not in HARD


@pytest.mark.parametrize(
    ("sender", "subject", "text"),
    [
        ("Li Wei <li@shop.example>", "Fwd: Undelivered Mail Returned to Sender", "<a@b.example>: user unknown"),
        ("li@shop.example", "My parcel could not be delivered", "The courier says: recipient unknown. li@shop.example"),
        ("li@shop.example", "退信", "我收到一封退信，说 wu@shop.example 不存在"),
        ("li@shop.example", "When is my delivery?", "mailer-daemon@shop.example wrote: failure notice"),
    ],
)
def test_a_person_who_writes_about_a_bounce_is_no_bounce(sender: str, subject: str, text: str) -> None:
    raw = f"Return-Path: <li@shop.example>\nFrom: {sender}\nTo: shop@ours.example\nSubject: {subject}\n\n{text}\n"
    assert bounces_of(parse(raw.encode())) == ()


def test_a_bounce_that_a_person_forwards_as_an_attachment_is_no_bounce() -> None:
    fields = "Final-Recipient: rfc822; li@shop.example\nAction: failed\nStatus: 5.1.1\n"
    raw = (
        b'From: li@shop.example\nSubject: ?\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="o"\n\n'
        b"--o\nContent-Type: text/plain\n\nWhat is this?\n--o\nContent-Type: message/rfc822\n\n"
    )
    assert bounces_of(parse(raw + _report(fields) + b"\n--o--\n")) == ()


def test_a_report_names_a_bounded_number_of_recipients() -> None:
    fields = "\n".join(
        f"Final-Recipient: rfc822; li{number}@shop.example\nAction: failed\nStatus: 5.1.1\n" for number in range(2_000)
    )
    assert len(bounces_of(parse(_report(fields)))) <= 1_000


_PIECES: Final = (
    b"Final-Recipient: rfc822; a@b.example\n",
    b"Action: failed\n",
    b"Status: 5.1.1\n",
    b"Diagnostic-Code: smtp; 550 no such user\n",
    b"<a@b.example>: ",
    b"\n\n",
    b"--b\n",
    b"Content-Type: message/delivery-status\n\n",
    b"Content-Type: message/rfc822\n\n",
    b"Content-Type: text/html; charset=utf-7\n\n",
    b"Original message follows\n",
    b">>> RCPT TO:<a@b.example>\n<<< 550 ",
    "收件人：a@b.example 不存在".encode("gb18030"),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(st.sampled_from(_PIECES), st.binary(max_size=30)), max_size=20).map(b"".join))
def test_no_bytes_break_the_reading_of_a_report(body: bytes) -> None:
    head = b"From: MAILER-DAEMON@mx.example\nSubject: Undelivered\nContent-Type: multipart/report;\n"
    for report_type in (b" report-type=delivery-status; boundary=b\n\n", b' boundary="b"\n\n'):
        try:
            mail = parse(head + report_type + body)
        except (Unreadable, TooLarge):
            continue
        for bounce in bounces_of(mail):
            assert bounce.kind in BounceKind


@pytest.mark.parametrize(
    "line",
    [
        "-" * 100_000,
        "a@" * 50_000,
        "<a@b.c>" * 15_000,
        "user " * 20_000,
        "a" * 100_000,
        "> - * " * 16_000,
        "'a" * 50_000,
        "Final-Recipient: rfc822; a@b.c\n" * 3_000,
        "<a@b.c>: 550 x\n" * 6_000,
    ],
    ids=lambda line: line[:8].strip(),
)
def test_a_report_made_to_be_slow_is_read_in_bounded_time(line: str) -> None:
    from time import process_time

    mail = parse(_report("", prose=line) + line.encode())
    begun = process_time()
    bounces_of(mail)
    assert process_time() - begun < 2
