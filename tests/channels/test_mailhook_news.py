"""What a mail provider's news means: for the Delivery, for the address, for consent."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given as property_of
from hypothesis import settings
from hypothesis import strategies as st

from channels.envelope import AddressUpdate, Arrival, ConsentUpdate, DeliveryStatus, DeliveryUpdate
from channels.mail.providers import PROVIDERS
from channels.mail.providers.news import event_key, news
from channels.mail.providers.refusals import TRACED, address_is_gone
from channels.mail.providers.seam import MailEvent, Occurrence, Reason
from channels.request import Request, Unreadable
from gateway.inspecting_mailhook import inspect_mailhook

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
OURS = "key.mac@shop.example.com"


def told(event: MailEvent) -> list[Arrival]:
    return list(news(event, channel="mail", raw=b"{}", now=NOW, wrote=lambda identity: identity == OURS))


def event(occurrence: Occurrence, **fields: Any) -> MailEvent:
    usual: dict[str, Any] = {"id": "e", "recipient": "ann@example.org", "ours": OURS}
    return MailEvent(occurrence=occurrence, **usual | fields)


def statuses(arrivals: list[Arrival]) -> list[DeliveryStatus]:
    return [each.status for each in arrivals if isinstance(each, DeliveryUpdate)]


def closed(arrivals: list[Arrival]) -> list[str]:
    return [each.address for each in arrivals if isinstance(each, AddressUpdate) and not each.reachable]


def withdrawn(arrivals: list[Arrival]) -> list[tuple[str, str]]:
    return [(each.address, each.source) for each in arrivals if isinstance(each, ConsentUpdate) and not each.granted]


def test_a_hard_bounce_fails_the_delivery_and_closes_the_address() -> None:
    arrivals = told(event(Occurrence.BOUNCED, gone=True, reason=Reason.BOUNCED, answer="550 5.1.1 unknown user"))
    assert statuses(arrivals) == [DeliveryStatus.FAILED]
    assert closed(arrivals) == ["mailto:ann@example.org"]
    (update, _) = arrivals
    assert isinstance(update, DeliveryUpdate)
    assert (update.external_id, update.reason) == (OURS, "bounced: 550 5.1.1 unknown user")


def test_a_soft_bounce_is_tried_again_and_closes_nothing() -> None:
    arrivals = told(event(Occurrence.BOUNCED, gone=False, reason=Reason.BOUNCED))
    assert statuses(arrivals) == [DeliveryStatus.RETRYING]
    assert closed(arrivals) == []


def test_a_bounce_of_which_nobody_says_whether_it_lasts_closes_nothing() -> None:
    arrivals = told(event(Occurrence.BOUNCED))
    assert statuses(arrivals) == [DeliveryStatus.FAILED]
    assert closed(arrivals) == []


def test_a_bounce_for_what_the_mail_is_is_not_tried_again() -> None:
    """The same mail would be taken for spam again; and a filter's opinion is not the person's."""
    arrivals = told(event(Occurrence.BOUNCED, gone=False, reason=Reason.SPAM))
    assert statuses(arrivals) == [DeliveryStatus.FAILED]
    assert closed(arrivals) == withdrawn(arrivals) == []


def test_while_the_provider_goes_on_trying_we_do_not() -> None:
    assert statuses(told(event(Occurrence.DEFERRED, gone=False))) == [DeliveryStatus.SENT]


def test_a_complaint_withdraws_consent() -> None:
    assert withdrawn(told(event(Occurrence.COMPLAINED))) == [("mailto:ann@example.org", "complaint")]


def test_an_unsubscription_withdraws_consent_and_a_subscription_grants_none() -> None:
    assert withdrawn(told(event(Occurrence.UNSUBSCRIBED))) == [("mailto:ann@example.org", "provider")]
    (opened,) = told(event(Occurrence.SUBSCRIBED))
    assert isinstance(opened, AddressUpdate)
    assert opened.reachable


@pytest.mark.parametrize(
    ("reason", "closes", "withdraws"),
    [
        (Reason.INVALID, True, None),
        (Reason.BOUNCED, True, None),
        (Reason.SPAM, False, "complaint"),
        (Reason.UNSUBSCRIBED, False, "provider"),
        (Reason.BLOCKED, False, None),
        (Reason.OTHER, False, None),
    ],
)
def test_what_the_provider_remembers_of_a_person_counts_here_too(
    reason: Reason, closes: bool, withdraws: str | None
) -> None:
    arrivals = told(event(Occurrence.REJECTED, reason=reason))
    assert statuses(arrivals) == [DeliveryStatus.FAILED]
    assert bool(closed(arrivals)) == closes
    assert [source for _, source in withdrawn(arrivals)] == ([withdraws] if withdraws else [])


def test_a_proxy_that_fetches_pictures_is_no_reader() -> None:
    assert statuses(told(event(Occurrence.OPENED))) == [DeliveryStatus.READ]
    assert statuses(told(event(Occurrence.OPENED, machine=True))) == [DeliveryStatus.DELIVERED]


def test_a_mail_under_an_identity_that_is_not_ours_is_known_by_its_address() -> None:
    (update,) = told(event(Occurrence.DELIVERED, ours="<0100@email.amazonses.com>", recipient="Ann <ann@example.org>"))
    assert isinstance(update, DeliveryUpdate)
    assert (update.external_id, update.address) == ("", "mailto:ann@example.org")


def test_news_of_nobody_and_of_nothing_is_no_news() -> None:
    assert told(event(Occurrence.DELIVERED, ours=None, recipient=None)) == []
    assert told(event(Occurrence.COMPLAINED, recipient="no address")) == []
    assert told(event(Occurrence.UNKNOWN)) == []


def test_an_event_is_the_same_each_time_it_is_told() -> None:
    one, again = event(Occurrence.BOUNCED), event(Occurrence.BOUNCED, description="told again")
    assert event_key(one, "mailto:a@b.c") == event_key(again, "mailto:a@b.c")
    assert event_key(one, "mailto:a@b.c") != event_key(one, "mailto:d@b.c")
    nameless = event(Occurrence.BOUNCED, id=None, at=NOW)
    assert event_key(nameless, "a") == event_key(event(Occurrence.BOUNCED, id=None, at=NOW), "a")


@pytest.mark.parametrize(
    ("answer", "gone"),
    [
        ("550 5.1.1 The email account that you tried to reach does not exist", True),
        ("smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found", True),
        ("550 5.4.1 Recipient address rejected: Access denied", True),
        ("550 No such user here", True),
        ("552 5.2.2 The email account is over quota", False),
        ("550 5.7.1 Message blocked because of policy", False),
        ("554 5.7.26 unauthenticated", False),
        ("552 5.3.4 Message too big", False),
        ("421 4.7.0 try again later", False),
        ("450 greylisted", False),
        ("mailbox is full", False),
        ("550 rejected", None),
        ("", None),
        (None, None),
    ],
)
def test_only_what_is_said_of_the_address_closes_it(answer: str | None, gone: bool | None) -> None:
    assert address_is_gone(answer) is gone


HARD_AND_SOFT = [
    ("mailgun", {"event-data": {"event": "failed", "severity": "permanent", "reason": "bounce", "recipient": "a@b.c",
        "delivery-status": {"message": "550 5.1.1 no such user"}}}, True),
    ("mailgun", {"event-data": {"event": "failed", "severity": "permanent", "reason": "bounce", "recipient": "a@b.c",
        "delivery-status": {"message": "552 5.2.2 mailbox full"}}}, False),
    ("mailgun", {"event-data": {"event": "failed", "severity": "permanent", "reason": "suppress-unsubscribe"}}, False),
    ("postmark", {"RecordType": "Bounce", "Type": "HardBounce", "Email": "a@b.c"}, True),
    ("postmark", {"RecordType": "Bounce", "Type": "SoftBounce", "Email": "a@b.c"}, False),
    ("sendgrid", [{"event": "bounce", "type": "bounce", "email": "a@b.c", "status": "5.1.1"}], True),
    ("sendgrid", [{"event": "bounce", "type": "blocked", "email": "a@b.c", "status": "5.7.1"}], False),
    ("brevo", {"event": "hard_bounce", "email": "a@b.c"}, True),
    ("brevo", {"event": "soft_bounce", "email": "a@b.c"}, False),
    ("sparkpost", [{"msys": {"message_event": {"type": "bounce", "bounce_class": "10", "rcpt_to": "a@b.c"}}}], True),
    ("sparkpost", [{"msys": {"message_event": {"type": "bounce", "bounce_class": "22", "rcpt_to": "a@b.c"}}}], False),
    ("mailjet", {"event": "bounce", "hard_bounce": True, "error": "user unknown", "email": "a@b.c"}, True),
    ("mailjet", {"event": "bounce", "hard_bounce": False, "error": "quota exceeded", "email": "a@b.c"}, False),
    ("resend", {"type": "email.bounced", "data": {"bounce": {"type": "Permanent"}, "to": ["a@b.c"]}}, True),
    ("resend", {"type": "email.bounced", "data": {"bounce": {"type": "Transient"}, "to": ["a@b.c"]}}, False),
    ("unisender_go", {"event_name": "transactional_email_status", "status": "hard_bounced", "email": "a@b.c",
        "delivery_info": {"delivery_status": "err_user_unknown"}}, True),
    ("unisender_go", {"event_name": "transactional_email_status", "status": "hard_bounced", "email": "a@b.c",
        "delivery_info": {"delivery_status": "err_mailbox_full"}}, False),
    ("ses", {"Type": "Notification", "Message": json.dumps({"eventType": "Bounce", "bounce": {
        "bounceType": "Permanent", "bouncedRecipients": [{"emailAddress": "a@b.c"}]}})}, True),
    ("ses", {"Type": "Notification", "Message": json.dumps({"eventType": "Bounce", "bounce": {
        "bounceType": "Transient", "bouncedRecipients": [{"emailAddress": "a@b.c"}]}})}, False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "body", "gone"), HARD_AND_SOFT)
def test_every_provider_tells_hard_from_soft(name: str, body: object, gone: bool) -> None:
    (read,) = PROVIDERS[name].read(request(json.dumps(body).encode()))
    assert read.gone is gone


@pytest.mark.parametrize("name", [name for name, provider in PROVIDERS.items() if provider.tracing is not None])
def test_providers_with_identities_of_their_own_tell_ours_where_we_ask_them_to(name: str) -> None:
    tracing = PROVIDERS[name].tracing
    assert tracing is not None
    header, value = tracing(OURS)
    assert header.startswith("X-")
    assert OURS in value
    assert TRACED in header + value


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("postmark", {"RecordType": "Delivery", "Metadata": {TRACED: OURS}}),
        ("sendgrid", [{"event": "delivered", TRACED: OURS, "smtp-id": "<another@sendgrid.net>"}]),
        ("sparkpost", [{"msys": {"message_event": {"type": "delivery", "rcpt_meta": {TRACED: OURS}}}}]),
        ("mailjet", {"event": "sent", "Payload": json.dumps({TRACED: OURS})}),
        ("mailtrap", {"events": [{"event": "delivery", "custom_variables": {TRACED: OURS}}]}),
        (
            "resend",
            {
                "type": "email.delivered",
                "data": {"headers": [{"name": "X-Metadata", "value": json.dumps({TRACED: OURS})}]},
            },
        ),
    ],
)
def test_an_event_that_tells_our_identity_is_about_that_mail(name: str, body: object) -> None:
    (read,) = PROVIDERS[name].read(request(json.dumps(body).encode()))
    (update,) = told(read)
    assert isinstance(update, DeliveryUpdate)
    assert (update.external_id, update.status) == (OURS, DeliveryStatus.DELIVERED)


def request(body: bytes, content_type: str = "application/json") -> Request:
    return Request(method="POST", url="/mail/hook", headers={"content-type": content_type}, body=body)


BODIES = st.binary(max_size=300) | st.sampled_from([b"{}", b"[]", b"[{}]", b'{"items":[{}]}', b'{"events":[{}]}'])
KINDS = st.sampled_from(
    [
        "application/json",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "",
    ]
)


@pytest.mark.parametrize("name", PROVIDERS)
@property_of(body=BODIES, kind=KINDS)
@settings(max_examples=60)
def test_whatever_comes_is_read_or_called_unreadable(name: str, body: bytes, kind: str) -> None:
    try:
        read = PROVIDERS[name].read(request(body, kind))
    except Unreadable:
        return
    assert all(isinstance(each, MailEvent) and told(each) is not None for each in read)


WORDS = st.sampled_from(
    [
        "event", "type", "Type", "eventType", "Message", "mail", "bounce", "data", "email", "recipient",
        "msys", "relay_message", "content", "items", "Headers", "Parts", "Attachments", "FromFull",
        "RecordType", "payload", "message", "status", "timestamp", "ts_epoch", "tags", "metadata",
        "event-data", "events", "msg", "signature", "delivery-status", "bouncedRecipients", "destination",
        "to", "raw", "rcpt_to", "headers", "Inbound", "Received",
    ]
)  # fmt: skip
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | WORDS
DOCUMENTS = st.recursive(
    VALUES, lambda each: st.lists(each, max_size=3) | st.dictionaries(WORDS, each, max_size=5), max_leaves=15
)


@pytest.mark.parametrize("name", PROVIDERS)
@property_of(document=DOCUMENTS)
@settings(max_examples=60)
def test_documents_of_any_shape_are_accounted_for(name: str, document: object) -> None:
    for written in (document, {"Type": "Notification", "Message": json.dumps(document)}):
        line = inspect_mailhook(name, json.dumps({"method": "POST", "url": "/", "body": json.dumps(written)}).encode())
        assert "events" in line or line["error"]


def test_a_form_is_read_whatever_its_lines_end_with() -> None:
    for end in (b"\r\n", b"\n"):
        lines = [
            b"--x",
            b'Content-Disposition: form-data; name="email"',
            b"",
            b"Subject: hi",
            b"",
            b"text",
            b"--x--",
            b"",
        ]
        (read,) = PROVIDERS["sendgrid"].read(request(end.join(lines), "multipart/form-data; boundary=x"))
        assert read.mail is not None
        assert read.mail.raw.split() == [b"Subject:", b"hi", b"text"]


@pytest.mark.parametrize("number", ["1e999", "Infinity", "-Infinity", "NaN", "9" * 400, '"soon"', "true", "-5"])
def test_times_that_are_none_are_left_out(number: str) -> None:
    body = f'{{"timestamp": {number}, "ts_epoch": {number}, "payload": {{}}, "event": "delivered"}}'.encode()
    for name in ("postal", "brevo"):
        (read,) = PROVIDERS[name].read(request(body))
        assert read.at is None
