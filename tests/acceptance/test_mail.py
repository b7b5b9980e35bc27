"""The whole house by mail: a real Dovecot that mail arrives in, a real Postfix or a strict server that it leaves by."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from channels.envelope import OutboundMessage
from channels.mail.channel import MailChannel
from nlu.understanding import Language
from storage.cases import Case
from storage.consents import Consent
from storage.contacts import Address, Contact
from storage.conversations import Conversation
from storage.deliveries import Delivery
from storage.follow_ups import FollowUp
from storage.interactions import Direction, Interaction, InteractionKind, RefusedInput
from tests.acceptance.tea_house import TeaHouse, open_tea_house, wording
from tests.channels.certificates import certificate
from tests.channels.dovecot import PASSWORD, Dovecot
from tests.channels.postfix import Postfix
from tests.channels.smtp_server import SmtpServer
from tests.waiting import until

pytestmark = pytest.mark.slow

SUPPORT, SALES = "support@shop.example", "sales@shop.example"


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    server = Dovecot.create()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def postfix() -> Iterator[Postfix]:
    server = Postfix.create(*certificate())
    yield server
    server.remove()


@pytest.fixture
async def smtp() -> AsyncGenerator[SmtpServer]:
    server = SmtpServer()
    async with server.running():
        yield server


def mailbox(dovecot: Dovecot, port: int, user: str, address: str = SUPPORT, **keys: Any) -> dict[str, Any]:
    return {
        "name": address.partition("@")[0],
        "address": address,
        "from_name": "Shanlan Tea",
        "login": {"user": user, "password": PASSWORD},
        "imap": {
            "host": "127.0.0.1",
            "port": dovecot.tls_port,
            "certificates": dovecot.certificate,
            "existing": "all",
            "idle_seconds": 1,
        },
        "smtp": {"host": "127.0.0.1", "port": port, "security": "plain", "no_login": True, "per_second": 1000},
    } | keys


@asynccontextmanager
async def opened(
    folder: Path, models: Path, *mailboxes: Mapping[str, Any], **sections: Any
) -> AsyncGenerator[TeaHouse]:
    async with open_tea_house(folder, models, mail=list(mailboxes), **sections) as house:
        yield house


@dataclass
class Correspondent:
    """A person with a mail program that quotes what it answers."""

    dovecot: Dovecot
    user: str
    mails: Any
    """What our mail server took so far, as bytes."""
    address: str = "lin@example.org"
    heard: list[EmailMessage] = field(default_factory=list[EmailMessage])
    count: int = 0

    def inbox(self) -> list[EmailMessage]:
        mails = [message_from_bytes(raw, policy=policy.default) for raw in self.mails()]
        mine = [mail for mail in mails if self.address in mail["To"]]
        known = {mail["Message-ID"] for mail in self.heard}
        return [mail for mail in mine if mail["Message-ID"] not in known]

    async def write(self, text: str, subject: str = "My order", **headers: str) -> None:
        """A mail, in answer to the last one heard where there is one."""
        self.count += 1
        mail = EmailMessage()
        last = self.heard[-1] if self.heard else None
        mail["From"], mail["Subject"] = f"Lin Yue <{self.address}>", subject
        mail["To"] = str(last["Reply-To"] or last["From"]) if last is not None else SUPPORT
        mail["Message-ID"] = f"<{self.user}.{self.count}@example.org>"
        if last is not None:
            mail["In-Reply-To"] = last["Message-ID"]
            mail["References"] = f"{last['References'] or ''} {last['Message-ID']}".strip()
            said = plain(last)
            quoted = "\n".join(f"> {line}" for line in said.splitlines())
            text = f"{text}\n\nOn Mon, Mar 2, 2026 at 12:00 PM Shanlan Tea <{SUPPORT}> wrote:\n\n{quoted}\n"
        for name, value in headers.items():
            mail[name.replace("_", "-")] = value
        mail.set_content(text)
        await asyncio.to_thread(self.dovecot.deliver, self.user, mail.as_bytes(policy=policy.SMTP))

    async def hear(self) -> EmailMessage:
        await until(self.inbox, within=30)
        mail = self.inbox()[0]
        self.heard.append(mail)
        return mail


def plain(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def says(mail: EmailMessage, key: str, language: Language = Language.EN) -> bool:
    return wording(key, language).search(plain(mail)) is not None


async def test_a_customers_mail_is_answered_and_their_answer_with_another_subject_goes_on_with_it(
    tmp_path: Path, trained_models: Path, dovecot: Dovecot, postfix: Postfix
) -> None:
    async with opened(tmp_path, trained_models, mailbox(dovecot, postfix.port, "talk")) as house:
        lin = Correspondent(dovecot, "talk", postfix.mails)
        await lin.write("How long does delivery take?")
        answer = await lin.hear()
        assert says(answer, "knowledge.answer")
        assert (answer["In-Reply-To"], answer["Subject"]) == ("<talk.1@example.org>", "Re: My order")
        assert answer["Auto-Submitted"] == "auto-replied"
        assert "> How long does delivery take?" in plain(answer)
        assert answer["Reply-To"] != SUPPORT
        await lin.write("my gaiwan broke", subject="Something else altogether")
        second = await lin.hear()
        assert second["References"].split()[-1] == "<talk.2@example.org>"
        inbound = [row for row in house.rows(Interaction) if row["direction"] is Direction.IN]
        assert [row["text"] for row in inbound] == ["How long does delivery take?", "my gaiwan broke"]
        assert inbound[1]["raw"] is not None
        assert "> " in inbound[1]["content"]["whole_text"]
        assert len(house.rows(Conversation)) == 1
        assert [row["external_id"] for row in house.rows(Contact)].count(None) == 1
        await until(lambda: all("Seen" in flags for flags in dovecot.flags("talk")))


async def test_a_complaint_goes_its_way_by_mail_and_a_number_answers_a_numbered_list(
    tmp_path: Path, trained_models: Path, dovecot: Dovecot, smtp: SmtpServer
) -> None:
    async with opened(tmp_path, trained_models, mailbox(dovecot, smtp.port, "cross")) as house:
        lin = Correspondent(dovecot, "cross", lambda: [taken.content for taken in smtp.taken], "lin@example.com")
        await lin.write("the teapot arrived broken", subject="Teapot")
        asked = await lin.hear()
        assert says(asked, "complaint.ask_order")
        await lin.write("SL20260012")
        await lin.hear()
        await lin.write("yesterday, when I opened the box")
        asked = await lin.hear()
        assert says(asked, "complaint.ask_wish")
        assert "1. My money back\r\n2. A replacement" in plain(asked), "choices are a numbered list"
        await lin.write("2\n\nSent from my iPhone", subject="RE: Teapot")
        offer = await lin.hear()
        (case,) = house.rows(Case)
        assert (case["facts"]["wish"], case["facts"]["offer"]) == ("replacement", "replacement")
        assert "1. Yes, please" in plain(offer)
        await lin.write("1")
        await lin.hear()
        (case,) = house.rows(Case)
        assert case["facts"]["happened"].startswith("yesterday")
        kinds = {row["kind"] for row in house.rows(FollowUp)}
        assert kinds, "we write back first: a promise, and a question whether all is well"
        assert len(house.rows(Conversation)) == 1


async def test_who_writes_with_courtesies_and_a_signature_is_understood_as_without(
    tmp_path: Path, trained_models: Path, dovecot: Dovecot, postfix: Postfix
) -> None:
    async with opened(tmp_path, trained_models, mailbox(dovecot, postfix.port, "courtesies")) as house:
        lin = Correspondent(dovecot, "courtesies", postfix.mails, address="courtesies@example.org")
        below = "Best regards,\nLin Yue\nHead of Quality Complaints\n+86 571 8888 0000"
        await lin.write(f"Dear Shanlan Tea team,\n\nThanks. And can I still send it back?\n\n{below}")
        answer = await lin.hear()
        assert says(answer, "knowledge.answer"), plain(answer)
        assert house.rows(Case) == []
        [inbound] = [row for row in house.rows(Interaction) if row["direction"] is Direction.IN]
        assert "Head of Quality Complaints" in inbound["text"], "colleagues see it"


async def test_two_mailboxes_that_answer_each_other_stop_at_once(
    tmp_path: Path, trained_models: Path, dovecot: Dovecot, smtp: SmtpServer
) -> None:
    boxes = (
        mailbox(dovecot, smtp.port, "loop-support"),
        mailbox(dovecot, smtp.port, "loop-sales", SALES),
    )
    async with opened(tmp_path, trained_models, *boxes) as house:
        first = EmailMessage()
        first["From"], first["To"], first["Subject"] = SALES, SUPPORT, "hello"
        first["Message-ID"] = "<by-hand@shop.example>"
        first.set_content("How long does delivery take?")
        await asyncio.to_thread(dovecot.deliver, "loop-support", first.as_bytes())
        await until(lambda: smtp.taken)
        carried = 0
        while carried < len(smtp.taken):  # the world carries every mail to where it goes
            mail = smtp.taken[carried].content
            user = "loop-sales" if smtp.taken[carried].recipient == SALES else "loop-support"
            await asyncio.to_thread(dovecot.deliver, user, mail)
            carried += 1
            await until(lambda count=carried: len(from_outside(house)) == count + 1)
            await house.gateway.settle()
        assert len(smtp.taken) == 1, "what answered was automatic, and nobody answers that"
        automatic = [row for row in house.rows(Interaction) if row["kind"] is InteractionKind.AUTOMATIC]
        assert [row["channel"] for row in automatic] == ["sales"]


def from_outside(house: TeaHouse) -> list[dict[str, Any]]:
    return [row for row in house.rows(Interaction) if row["author"] == "customer"]


async def test_an_out_of_office_note_is_recorded_and_not_answered(
    tmp_path: Path, trained_models: Path, dovecot: Dovecot, smtp: SmtpServer
) -> None:
    async with opened(tmp_path, trained_models, mailbox(dovecot, smtp.port, "office")) as house:
        lin = Correspondent(dovecot, "office", lambda: [taken.content for taken in smtp.taken])
        await lin.write("I am away until Monday.", subject="Out of office", Auto_Submitted="auto-replied")
        await until(lambda: house.rows(Interaction))
        await house.gateway.settle()
        (note,) = house.rows(Interaction)
        assert note["kind"] is InteractionKind.AUTOMATIC
        assert house.rows(Conversation) == []
        assert smtp.taken == []


async def test_a_hard_bounce_closes_the_address_until_the_person_writes_again(
    tmp_path: Path, trained_models: Path, dovecot: Dovecot, smtp: SmtpServer
) -> None:
    async with opened(tmp_path, trained_models, mailbox(dovecot, smtp.port, "bounced")) as house:
        lin = Correspondent(dovecot, "bounced", lambda: [taken.content for taken in smtp.taken])
        await lin.write("How long does delivery take?")
        answer = await lin.hear()
        await asyncio.to_thread(dovecot.deliver, "bounced", returned(answer))
        await until(lambda: address(house, lin.address)["closed_at"] is not None)
        await until(lambda: [row["status"] for row in house.rows(Delivery)] == ["failed"])
        assert "5.1.1" in address(house, lin.address)["closed_reason"]
        await lin.write("and to Japan?")
        await lin.hear()
        assert address(house, lin.address)["closed_at"] is None


def returned(mail: EmailMessage) -> bytes:
    """What Postfix writes when nobody is there."""
    head = "\n".join(f"{name}: {value}" for name, value in mail.items() if name in ("From", "To", "Message-ID"))
    return (
        "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.org (Mail Delivery System)\n"
        f"Subject: Undelivered Mail Returned to Sender\nTo: {SUPPORT}\nAuto-Submitted: auto-replied\n"
        "MIME-Version: 1.0\nMessage-ID: <bounce.1@mx.example.org>\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
        "--b\nContent-Type: text/plain\n\nI'm sorry to have to inform you\n\n"
        "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.org\n\n"
        "Final-Recipient: rfc822; lin@example.org\nAction: failed\nStatus: 5.1.1\n"
        "Diagnostic-Code: smtp; 550 5.1.1 <lin@example.org>: user unknown\n\n"
        f"--b\nContent-Type: text/rfc822-headers\n\n{head}\n\n--b--\n"
    ).encode()


def address(house: TeaHouse, path: str) -> dict[str, Any]:
    (found,) = (row for row in house.rows(Address) if row["uri"] == f"mailto:{path}")
    return found


async def test_one_click_ends_marketing_and_looking_at_the_link_does_not(
    tmp_path: Path, trained_models: Path, dovecot: Dovecot, smtp: SmtpServer
) -> None:
    async with opened(tmp_path, trained_models, mailbox(dovecot, smtp.port, "news")) as house:
        await house.close()
        server = house.settings.server.model_copy(update={"public_url": house.url})
        house.settings = house.settings.model_copy(update={"server": server})
        await house.open()
        channel = house.gateway.channels["support"]
        assert isinstance(channel, MailChannel)
        offer = OutboundMessage(
            channel="support", address="mailto:lin@example.com", text="Spring tea is here.", key="d1", marketing=True
        )
        await channel.send(offer)
        mail = message_from_bytes(smtp.taken[0].content, policy=policy.default)
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        link = mail["List-Unsubscribe"].strip("<>")
        before = len(house.rows(Consent))
        async with aiohttp.ClientSession() as http:
            for method in ("GET", "HEAD"):
                async with http.request(method, link) as answer:
                    assert answer.status == 200
            assert len(house.rows(Consent)) == before, "scanners follow links"
            async with http.post(link, data={"List-Unsubscribe": "One-Click"}) as answer:
                assert answer.status == 200
        (consent,) = house.rows(Consent)[before:]
        assert consent["granted"] is False


async def test_a_mail_that_cannot_be_read_is_there_for_a_person_and_holds_nobody_up(
    tmp_path: Path, trained_models: Path, dovecot: Dovecot, smtp: SmtpServer
) -> None:
    async with opened(tmp_path, trained_models, mailbox(dovecot, smtp.port, "broken")) as house:
        junk = bytes(range(1, 9)) * 200
        await asyncio.to_thread(dovecot.deliver, "broken", junk)
        lin = Correspondent(dovecot, "broken", lambda: [taken.content for taken in smtp.taken])
        await lin.write("How long does delivery take?")
        await lin.hear()
        (refused,) = house.rows(RefusedInput)
        assert refused["reason"].startswith("unreadable")
        (kept,) = (row for row in house.rows(Interaction) if row["content"].get("automatic") == "unreadable")
        blob = await house.gateway.blobs.find(kept["content"]["raw_blob"])
        assert blob is not None
        assert blob.path.read_bytes() == junk
