"""A customer who fills every field with markup and scripts, by way of the readers that read real payloads."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import insert, select

from channels.envelope import Attachment, AttachmentKind, Event, InboundMessage
from channels.mail.channel import reader_of
from channels.mail.reading import Source
from channels.mail.settings import MailSettings, Sender
from channels.telegram.updates import inspect
from desk import cards, casework, consents, people, same_person
from storage.cases import Case
from storage.commits import Transaction
from storage.interactions import InteractionKind
from storage.orders import Order
from tests.web.console.people import ADA, Console  # pyright: ignore[reportPrivateUsage]
from tests.web.console.talkers import channel

CALCULATED: Final = str(7191 * 7)
"""What a template would make of what was typed."""
ELSEWHERE: Final = "evil.test"
marks: Final[dict[str, str]] = {}
"""What was filled in, by the word that marks it; in no order."""


def hostile(what: str, *, short: bool = False) -> str:
    """Markup and scripts, with a word that tells where they were filled in."""
    mark = f"zq{what.replace('_', '').replace(' ', '')}qz"
    marks[what] = mark
    if short:
        return f"{mark}\"'><{mark} {mark}=1 onload=alert(1)>"
    return (
        f"{mark} \"'><{mark} {mark}=1 autofocus onfocus=alert(0)></textarea></title></script>"
        f"<script src=//{ELSEWHERE}/{mark}.js></script><script>alert('{mark}')</script>"
        f"<img src=//{ELSEWHERE}/{mark}.png onerror=alert(1)><svg onload=alert(2)><iframe src=//{ELSEWHERE}/>"
        f'<a href="javascript:alert(3)">x</a> {{{{ 7191*7 }}}} javascript:alert(4) https://{ELSEWHERE}/{mark}'
    )


ENVELOPE: Final[Mapping[str, str]] = {
    "channel": "ours",
    "event": "ours",
    "external_id": "filled: a mail's Message-ID",
    "address": "filled: a mail's sender",
    "sent_at": "a time",
    "raw": "filled: shown as a mail's layout alone",
    "text": "filled",
    "name": "filled",
    "language": "filled",
    "message_id": "filled",
    "reply_to": "filled",
    "edits": "filled",
    "attachments": "filled",
    "start_parameter": "filled",
    "proven": "signed by the business",
    "thread": "filled",
    "references": "filled",
    "subject": "filled",
    "automatic": "one of our reasons",
    "fingerprint": "a hash",
    "whole_text": "filled",
    "matter": "filled",
    "raw_blob": "a hash",
    "part": "filled: numbers and a group that is shown nowhere",
}
"""Each field of what comes in, and where it is filled below."""
ATTACHMENT: Final[Mapping[str, str]] = {
    "kind": "one of ours",
    "id": "filled",
    "name": "filled",
    "content_type": "filled",
    "size": "a number",
    "data": "filled",
}


async def visits(console: Console) -> None:
    """They come on every channel, complain, order, are called and written about."""
    house = console.house
    house.hears.intent = "complaint_quality"
    for name, messages in (("telegram", telegram(console)), ("mail", mails(console)), ("webchat", chat(console))):
        port = channel(console, name).port
        for message in messages:
            await port.accept([message])
            await house.gateway.settle()
        await house.later(5)
    await channel(console, "sms").bring(hostile("sms text"), sender="+447700900123", clock=house.clock)
    house.hears.intent = "human_request"
    await channel(console, "webchat").bring("a person", sender="zed", clock=house.clock)
    await house.gateway.settle()
    await house.later(5)
    await house.do(is_written_about)
    await house.later(2)


def telegram(console: Console) -> Sequence[InboundMessage]:
    person = {
        "id": 23,
        "is_bot": False,
        "first_name": hostile("first name", short=True),
        "last_name": hostile("last name", short=True),
        "username": hostile("username", short=True),
        "language_code": hostile("language code", short=True),
    }
    file = {"file_id": "f1", "file_unique_id": "u1"}
    contents: Sequence[dict[str, object]] = (
        {"text": hostile("telegram text")},
        {
            "caption": hostile("caption"),
            "document": file
            | {"file_name": hostile("file name", short=True), "mime_type": hostile("mime", short=True)},
        },
        {
            "contact": {
                "phone_number": hostile("card phone", short=True),
                "first_name": hostile("card name", short=True),
            }
        },
        {
            "venue": {
                "location": {"latitude": 1.0, "longitude": 2.0},
                "title": hostile("venue", short=True),
                "address": hostile("venue address", short=True),
            },
            "location": {"latitude": 1.0, "longitude": 2.0},
        },
        {"sticker": file | {"emoji": hostile("emoji", short=True), "width": 1, "height": 1, "type": "regular"}},
        {"text": f"/start {hostile('start parameter', short=True)}"},
    )
    sent = int(console.house.clock.now().timestamp())
    found: list[InboundMessage] = []
    for number, content in enumerate(contents, 1):
        chat = {"id": 23, "type": "private"}
        message = {"message_id": number, "from": person, "chat": chat, "date": sent, **content}
        read = inspect(json.dumps({"update_id": number, "message": message}).encode())
        found += [arrival for arrival in read.arrivals if isinstance(arrival, InboundMessage)]
    return found


def mails(console: Console) -> Sequence[InboundMessage]:
    reader = reader_of(MailSettings(sender=Sender(address="us@shop.example"), secret=b"k" * 32))
    name, file = hostile("from name", short=True).replace('"', ""), hostile("mail file", short=True).replace('"', "")
    raw = (
        f'From: "{name}" <ann@example.org>\r\nTo: us@shop.example\r\n'
        f"Message-ID: <{hostile('message id', short=True).replace(' ', '')}@example.org>\r\n"
        f"Subject: {hostile('subject')}\r\nDate: Mon, 2 Mar 2026 08:00:00 +0000\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n'
        'Content-Type: multipart/alternative; boundary="c"\r\n\r\n--c\r\n'
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n{hostile('mail text')}\r\n--c\r\n"
        f"Content-Type: text/html; charset=utf-8\r\n\r\n<p>{hostile('mail html')}</p><style>@import '//{ELSEWHERE}'"
        f"</style><form action=//{ELSEWHERE}><input name=q></form><meta http-equiv=refresh content='0;//{ELSEWHERE}'>"
        f'<base href="//{ELSEWHERE}">\r\n--c--\r\n--b\r\n'
        f'Content-Type: text/html; name="{file}"\r\nContent-Disposition: attachment; filename="{file}"\r\n\r\n'
        f"{hostile('mail file content')}\r\n--b--\r\n"
    ).encode()
    source = Source(external_id="box:1:1", arrived=console.house.clock.now())
    return [one for one in reader.read(raw, source).arrivals if isinstance(one, InboundMessage)]


def chat(console: Console) -> Sequence[InboundMessage]:
    """What the widget's socket hands over, which checks no more than lengths."""
    now = console.house.clock.now()

    def one(number: int, text: str, **more: object) -> InboundMessage:
        facts: dict[str, object] = {
            "channel": "webchat",
            "event": Event.MESSAGE,
            "external_id": f"w{number}",
            "address": "webchat:ann",
            "sent_at": now + timedelta(seconds=number),
            "raw": text.encode(),
            "text": text,
            "name": hostile("chat name", short=True),
            "message_id": f"m{number}{hostile('chat message id', short=True)}",
            "language": hostile("chat language", short=True),
        }
        return InboundMessage(**(facts | more))  # pyright: ignore[reportArgumentType]

    file = Attachment(
        kind=AttachmentKind.FILE,
        id=hostile("attachment id", short=True),
        name=hostile("attachment name", short=True),
        content_type=hostile("content type", short=True),
        data={"place": hostile("attachment data", short=True)},
    )
    return [
        one(1, hostile("chat text"), subject=hostile("chat subject"), matter=hostile("matter")),
        one(2, hostile("order said"), attachments=(file,), whole_text=hostile("whole text")),
        one(3, hostile("answer to a survey"), reply_to=hostile("reply to", short=True)),
        one(4, hostile("changed text"), event=Event.EDIT, edits="m1"),
    ]


def is_written_about(transaction: Transaction) -> None:
    """What they say by phone, and what the business's own systems and staff know of them."""
    connection = transaction.connection
    uri = "webchat:ann"
    people.record(transaction, contact=uri, kind=InteractionKind.CALL, text=hostile("call"), by="Ada")
    people.note(transaction, contact=uri, text=hostile("note"), by="Ada")
    contact = people.find(connection, uri)
    cards.edit(transaction, contact=uri, by="Ada", changes={"external_id": hostile("customer number", short=True)})
    for address in cards.card(transaction, contact=uri).addresses:
        consents.record(
            transaction,
            contact=uri,
            by="Ada",
            staff=1,
            address=address.id,
            granted=True,
            words=hostile("consent"),
            source="call",
        )
    number = casework.open_case(transaction, by=ADA, contact=contact, subject=hostile("case subject", short=True))
    facts = {name: hostile(f"fact {name}", short=True) for name in casework.FACTS if name != "amount"}
    casework.change_facts(transaction, case=number, by=ADA, facts=facts)
    connection.execute(insert(Order), [_order(contact, transaction)])
    same_person.suggestions(transaction, contact=uri)
    assert connection.scalar(select(Case.id).limit(1)) is not None


def _order(contact: int, transaction: Transaction) -> dict[str, object]:
    return {
        "order_id": hostile("order number", short=True),
        "contact_id": contact,
        "at": transaction.now,
        "updated_at": transaction.now,
        "amount": Decimal(1),
        "currency": "CNY",
        "status": hostile("order status", short=True),
        "product": hostile("product", short=True),
        "quantity": 1,
    }


LOADS: Final = frozenset({"src", "srcset", "action", "formaction", "poster", "data", "background", "ping", "srcdoc"})
LOADS_OF_HTMX: Final = ("hx-get", "hx-post", "sse-connect")


@dataclass
class Harm(HTMLParser):
    """What of a page would run, or reach for something elsewhere."""

    found: list[str] = field(default_factory=list[str])
    scripts: bool = False
    """A page of ours has scripts of ours."""

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag.startswith("zq") or (tag in ("base", "meta") and ELSEWHERE in str(given)):
            self.found.append(f"<{tag}>")
        if tag == "script" and not (self.scripts and given.get("src", "").startswith("/console/static/")):
            self.found.append(f"<script {given}>")
        for name, value in given.items():
            place = value.strip().lower()
            loads = name in LOADS or name.startswith(LOADS_OF_HTMX) or (name == "href" and tag != "a")
            if name.startswith(("zq", "on", "hx-on")) or place.startswith(("javascript:", "vbscript:")):
                self.found.append(f"<{tag} {name}={value[:60]}>")
            if loads and (urlsplit(place).netloc or ELSEWHERE in urlsplit(place).netloc):
                self.found.append(f"<{tag} {name}={value[:60]}>")


def harm_in(html: str, *, scripts: bool = True) -> list[str]:
    parser = Harm(scripts=scripts)
    parser.feed(html)
    parser.close()
    return parser.found + (["a template ran"] if CALCULATED in html else [])
