"""What a mailbox's mails are to the house: messages, news of what we sent, and what cannot be taken as it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from hypothesis import given as any_of
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from channels.envelope import (
    AddressUpdate,
    Arrival,
    Attachment,
    AttachmentKind,
    ConsentUpdate,
    DeliveryStatus,
    DeliveryUpdate,
    InboundMessage,
    OutboundMessage,
    Refusal,
    SendError,
    SendErrorCode,
)
from channels.mail.channel import FORGED, MailChannel, reader_of
from channels.mail.composing import Composer, Sender
from channels.mail.message import Limits
from channels.mail.pushed import SIGNATURE, sign
from channels.mail.reader import UNREADABLE
from channels.mail.reader_process import LARGE
from channels.mail.reading import RAW_IN_ROW, Reading, Source
from channels.mail.reply_address import ReplyAddresses
from channels.mail.settings import (
    Existing,
    InsecureMailbox,
    InsecurePush,
    Login,
    MailboxSettings,
    MailSettings,
    PushSettings,
    Security,
    SubmissionSettings,
)
from channels.protocol import Accepted, Polls, Probes, Schemed, StorageUnavailable, Threads
from tests.channels.dovecot import PASSWORD, Dovecot
from tests.channels.fake_port import FakePort
from tests.channels.smtp_server import SmtpServer
from tests.clock import FrozenClock
from tests.given import DATA
from tests.waiting import until

SUPPORT = "support@shop.example"
SECRET = b"of this house alone, thirty-two!"
PUSHED = b"shared with the mail server"
NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)

SETTINGS = MailSettings(
    sender=Sender(address=SUPPORT, name="Shanlan Tea"),
    secret=SECRET,
    trusted_authserv_id="mx.shop.example",
    accepts=Limits(bytes=2_000_000),
)


@dataclass
class MailPort(FakePort):
    """Takes everything that mail brings, and remembers the cursor with it."""

    arrivals: list[Arrival] = field(default_factory=list[Arrival])
    last_cursor: str | None = None
    missing: list[str] = field(default_factory=list[str])
    """Files that were named before they were kept."""

    async def accept(self, batch: Sequence[Arrival], *, cursor: str | None = None) -> Sequence[Accepted]:
        await asyncio.sleep(0)
        if self.failures:
            self.failures -= 1
            raise StorageUnavailable("the database is away")
        for arrival in batch:
            if isinstance(arrival, InboundMessage):
                named = [attachment.id for attachment in arrival.attachments]
                named += [arrival.raw_blob] if arrival.raw_blob else []
                self.missing += [digest for digest in named if digest not in self.blobs]
        self.arrivals += batch
        self.last_cursor = cursor or self.last_cursor
        return [Accepted(interaction_id=None) for _ in batch]

    async def cursor(self) -> str | None:
        return self.last_cursor

    @property
    def messages(self) -> list[InboundMessage]:
        return [arrival for arrival in self.arrivals if isinstance(arrival, InboundMessage)]

    @property
    def refused(self) -> list[Refusal]:
        return [arrival for arrival in self.arrivals if isinstance(arrival, Refusal)]


def mail(text: str = "Where is my parcel?", **headers: str) -> bytes:
    given = {
        "From": "Lin Yue <Lin@Example.com>",
        "To": SUPPORT,
        "Subject": "My parcel",
        "Message-ID": "<m1@example.com>",
        "Date": "Mon, 02 Mar 2026 10:00:00 +0800",
        "Content-Type": "text/plain; charset=utf-8",
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    return "\n".join([*(f"{name}: {value}" for name, value in given.items() if value), "", text, ""]).encode()


def read(raw: bytes, settings: MailSettings = SETTINGS, **source: Any) -> Reading:
    given: dict[str, Any] = {"external_id": "mail:7:1", "arrived": NOW} | source
    return reader_of(settings).read(raw, Source(**given))


def message(raw: bytes, settings: MailSettings = SETTINGS) -> InboundMessage:
    (found,) = [arrival for arrival in read(raw, settings).arrivals if isinstance(arrival, InboundMessage)]
    return found


def test_the_channel_is_what_the_gateway_looks_for() -> None:
    channel = MailChannel(SETTINGS)
    for protocol in (Polls, Probes, Schemed, Threads):
        assert isinstance(channel, protocol)
    assert channel.limits.buttons == 0, "choices become numbered lists"


def test_of_an_answer_only_what_was_written_now_is_said_and_all_of_it_is_kept() -> None:
    raw = mail(
        "2\n\n-- \nLin\n\nOn Mon, 2 Mar 2026 at 10:00, Shanlan Tea <support@shop.example> wrote:\n> Which?\n> 1. one\n",
        In_Reply_To="<d4@shop.example>",
        References="<m0@example.com> <d4@shop.example>",
        Subject="Something else altogether",
    )
    found = message(raw)
    assert found.text == "2"
    assert found.whole_text is not None
    assert "> 1. one" in found.whole_text
    assert found.raw == raw
    assert (found.address, found.name) == ("mailto:lin@example.com", "Lin Yue")
    assert (found.reply_to, found.references) == ("d4@shop.example", ("d4@shop.example", "m0@example.com"))
    assert (found.message_id, found.subject) == ("m1@example.com", "Something else altogether")
    assert found.sent_at == datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
    assert found.automatic is None


def test_a_mail_without_a_text_says_its_subject() -> None:
    assert message(mail("", Subject="请退订")).text == "请退订"


def test_a_mail_from_tomorrow_was_written_when_it_arrived() -> None:
    assert message(mail(Date="Tue, 01 Jan 2199 00:00:00 +0000")).sent_at == NOW
    assert message(mail(Date="yesterday, I think")).sent_at == NOW


def test_the_same_mail_has_the_same_fingerprint_and_a_forged_message_id_has_another() -> None:
    once, again = read(mail()), read(mail(), external_id="mail:8:1")
    (first,), (second,) = once.arrivals, again.arrivals
    assert isinstance(first, InboundMessage)
    assert isinstance(second, InboundMessage)
    assert first.external_id != second.external_id
    assert first.fingerprint == second.fingerprint
    assert message(mail("I am somebody else")).fingerprint != first.fingerprint
    assert (
        message(mail(Received="by another.example; Mon, 02 Mar 2026 10:00:01 +0800")).fingerprint == first.fingerprint
    )


def test_files_are_named_by_their_hash() -> None:
    raw = mail(
        "--b\nContent-Type: text/plain\n\nsee the picture\n--b\nContent-Type: image/png\n"
        'Content-Disposition: attachment; filename="裂.png"\n'
        "Content-Transfer-Encoding: base64\n\niVBORw0KGgo=\n--b--\n",
        Content_Type="multipart/mixed; boundary=b",
    )
    reading = read(raw)
    (found,) = (arrival for arrival in reading.arrivals if isinstance(arrival, InboundMessage))
    (attachment,) = found.attachments
    assert (attachment.kind, attachment.name, attachment.size) == (AttachmentKind.IMAGE, "裂.png", 8)
    assert attachment.id == sha256(b"\x89PNG\r\n\x1a\n").hexdigest()
    assert [file.sha256 for file in reading.files] == [attachment.id]


def test_a_form_on_a_page_writes_for_the_person_in_its_reply_to() -> None:
    found = message(mail(From="Contact form <www@shop-pages.example>", Reply_To="Ann <ann@example.org>"))
    assert (found.address, found.name) == ("mailto:ann@example.org", "Ann")


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"Auto_Submitted": "auto-replied", "Subject": "Out of office"}, "auto_reply"),
        ({"Subject": "自动回复：我的包裹"}, "auto_reply"),
        ({"List_Id": "<tea.lists.example>", "Precedence": "list"}, "list"),
        ({"From": SUPPORT}, "ours"),
        ({"From": "alias@shop.example"}, "ours"),
    ],
)
def test_what_no_person_wrote_says_so(headers: dict[str, str], reason: str) -> None:
    assert message(mail(**headers), replace(SETTINGS, aliases=("alias@shop.example",))).automatic == reason


# Who it is, and where it belongs


def test_only_what_our_own_server_says_of_a_sender_is_a_proof() -> None:
    said = "mx.shop.example (x); dmarc=pass (p=none) header.from=example.com; spf=fail smtp.mailfrom=evil.example"
    assert message(mail(Authentication_Results=said)).proven == ("mailto:lin@example.com",)
    for forged in (
        said.replace("mx.shop.example", "mx.evil.example"),
        said.replace("header.from=example.com", "header.from=evil.example"),
        said.replace("dmarc=pass", "dmarc=fail"),
        "mx.shop.example; dkim=pass header.d=com",
    ):
        assert message(mail(Authentication_Results=forged)).proven == ()
    assert message(mail(Authentication_Results=said), replace(SETTINGS, trusted_authserv_id=None)).proven == ()
    twice = f"mx.shop.example; dmarc=fail header.from=example.com\nAuthentication-Results: {said}"
    assert message(mail(Authentication_Results=twice)).proven == (), "the topmost is our server's, the rest came along"
    behind = mail(Authentication_Results=said, Reply_To="mallory@evil.example")
    assert message(behind).proven == ()


def test_our_signed_reply_address_proves_the_conversation() -> None:
    address = ReplyAddresses(SUPPORT, SECRET).address("m0@example.com")
    assert address is not None
    assert message(mail(To=f"Shanlan Tea <{address.upper()}>", Subject="changed")).thread == "m0@example.com"


def test_a_reply_address_that_somebody_made_up_is_ignored_and_recorded() -> None:
    address = ReplyAddresses(SUPPORT, b"somebody else's secret").address("m0@example.com")
    reading = read(mail(To=str(address)))
    found, refusal = reading.arrivals
    assert isinstance(found, InboundMessage)
    assert isinstance(refusal, Refusal)
    assert found.thread is None
    assert refusal.reason == "a reply address that we did not sign"
    assert refusal.headers["from"] == "Lin Yue <Lin@Example.com>"
    assert len(read(mail(To="support+newsletter@shop.example")).arrivals) == 1, "a tag of their own is no claim"


# News of what we sent


def sent(text: str = "Your parcel is on its way.") -> tuple[str, bytes]:
    """A mail of ours: its Message-ID and its bytes."""
    made = Composer(SETTINGS.sender, secret=SECRET).compose(
        OutboundMessage(channel="mail", address="mailto:lin@example.com", text=text, key="d42"), at=NOW
    )
    return made.id, made.content


def bounce(returned: bytes, *, status: str = "5.1.1", said: str = "550 5.1.1 user unknown") -> bytes:
    head = returned.split(b"\r\n\r\n")[0].decode().replace("\r\n", "\n")
    action = "failed" if status.startswith("5") else "delayed"
    return mail(
        "--b\nContent-Type: text/plain\n\nIt could not be delivered.\n--b\nContent-Type: message/delivery-status\n\n"
        "Reporting-MTA: dns; mx.example.com\n\nFinal-Recipient: rfc822; lin@example.com\n"
        f"Action: {action}\nStatus: {status}\nDiagnostic-Code: smtp; {said}\n\n"
        f"--b\nContent-Type: text/rfc822-headers\n\n{head}\n\n--b--\n",
        From="MAILER-DAEMON@mx.example.com",
        Subject="Undelivered Mail Returned to Sender",
        Content_Type="multipart/report; report-type=delivery-status; boundary=b",
    )


def test_a_hard_bounce_of_a_mail_of_ours_closes_the_address() -> None:
    identity, content = sent()
    update, closed = read(bounce(content)).arrivals
    assert isinstance(update, DeliveryUpdate)
    assert isinstance(closed, AddressUpdate)
    assert (update.external_id, update.status) == (identity, DeliveryStatus.FAILED)
    assert (update.address, closed.address) == ("mailto:lin@example.com", "mailto:lin@example.com")
    assert not closed.reachable
    assert "5.1.1" in closed.reason
    assert closed.sent_as == identity


def test_a_soft_bounce_is_tried_again_and_closes_nothing() -> None:
    identity, content = sent()
    arrivals = read(bounce(content, status="4.2.2", said="452 4.2.2 mailbox full")).arrivals
    assert [type(each) for each in arrivals] == [DeliveryUpdate]
    (update,) = arrivals
    assert isinstance(update, DeliveryUpdate)
    assert (update.external_id, update.status) == (identity, DeliveryStatus.RETRYING)


def test_a_bounce_that_somebody_made_up_closes_nobodys_address() -> None:
    forged = b"Message-ID: <d42.aaaaaaaaaaaaaaaa@shop.example>\r\nSubject: x\r\n\r\n"
    arrivals = read(bounce(forged)).arrivals
    assert not [each for each in arrivals if isinstance(each, AddressUpdate)]
    assert [each.external_id for each in arrivals if isinstance(each, DeliveryUpdate)] == [""]


def test_a_complaint_withdraws_consent() -> None:
    identity, _ = sent()
    raw = mail(
        "--b\nContent-Type: text/plain\n\nAn abuse report.\n--b\nContent-Type: message/feedback-report\n\n"
        "Feedback-Type: abuse\nUser-Agent: SomeGenerator/1.0\nVersion: 1\nOriginal-Rcpt-To: <lin@example.com>\n\n"
        f"--b\nContent-Type: message/rfc822\n\nFrom: {SUPPORT}\nMessage-ID: <{identity}>\n\nhi\n--b--\n",
        From="fbl@provider.example",
        Content_Type="multipart/report; report-type=feedback-report; boundary=b",
    )
    (update,) = read(raw).arrivals
    assert isinstance(update, ConsentUpdate)
    assert (update.address, update.granted, update.source) == ("mailto:lin@example.com", False, "complaint")
    assert update.sent_as == identity
    (hidden,) = read(raw.replace(b"<lin@example.com>", b"<redacted@example.com>")).arrivals
    assert isinstance(hidden, ConsentUpdate)
    assert (hidden.address, hidden.sent_as) == ("", identity), "the mail itself tells who complained"
    forged = raw.replace(identity.encode(), b"d1.aaaaaaaaaaaaaaaa@shop.example")
    assert not [each for each in read(forged).arrivals if isinstance(each, ConsentUpdate)]


def test_our_own_mail_come_back_is_not_a_customers() -> None:
    assert message(sent()[1]).automatic == "ours"


# What cannot be taken as it is


def test_of_a_mail_that_is_too_large_the_words_are_taken_and_the_rest_refused() -> None:
    beginning = mail("The lid is broken, see the film.\n")
    reading = read(beginning, size=70_000_000)
    found, refusal = reading.arrivals
    assert isinstance(found, InboundMessage)
    assert isinstance(refusal, Refusal)
    assert found.text == "The lid is broken, see the film."
    assert "70000000 bytes" in (found.whole_text or "")
    assert (refusal.reason, refusal.size, refusal.headers["subject"]) == ("too large: bytes", 70_000_000, "My parcel")
    assert reading.refused, "it stays in the mailbox for a person"


@pytest.mark.parametrize(
    ("raw", "limit"),
    [
        (b"X-A: 1\n" * 10_001 + mail(), "headers"),
        (mail("\n".join("--b\n\nx" for _ in range(1_200)), Content_Type="multipart/mixed; boundary=b"), "parts"),
        (mail() + b"x" * 2_000_000, "bytes"),
    ],
    ids=["headers", "parts", "bytes"],
)
def test_a_mail_bomb_is_refused_by_the_name_of_its_limit_and_its_sender_is_known(raw: bytes, limit: str) -> None:
    reading = read(raw)
    (refusal,) = (each for each in reading.arrivals if isinstance(each, Refusal))
    assert refusal.reason == f"too large: {limit}"
    assert refusal.size == len(raw)


def test_what_is_no_mail_is_kept_whole_where_a_person_finds_it() -> None:
    raw = bytes(range(256)) * 8
    reading = read(raw)
    found, refusal = reading.arrivals
    assert isinstance(found, InboundMessage)
    assert isinstance(refusal, Refusal)
    assert (found.automatic, found.address) == (UNREADABLE, f"mailto:{SUPPORT}")
    (file,) = reading.files
    assert file.content == raw
    assert [attachment.id for attachment in found.attachments] == [file.sha256]
    assert refusal.reason.startswith("unreadable")


def test_a_large_mail_is_kept_as_a_blob_and_its_row_has_the_beginning() -> None:
    raw = mail("x" * 70 + "\n" + ("y" * 70 + "\n") * 2000)
    reading = read(raw)
    (found,) = (each for each in reading.arrivals if isinstance(each, InboundMessage))
    assert len(found.raw) == RAW_IN_ROW
    assert found.raw_blob == sha256(raw).hexdigest()
    assert [file.content for file in reading.files] == [raw]


@hypothesis_settings(max_examples=150)
@any_of(st.binary(max_size=2000) | st.text(max_size=2000).map(lambda text: text.encode("utf-8", "replace")))
def test_whatever_comes_is_accounted_for(raw: bytes) -> None:
    assert read(raw).arrivals
    assert read(mail() + raw).arrivals
    assert read(raw + b"\n" + mail()).arrivals


def test_every_given_mail_is_accounted_for(given: Any) -> None:
    folder: Path = given("mail")
    mails = [path for path in folder.rglob("*") if path.suffix in {".eml", ".box", ".msg", ".txt"} and path.is_file()]
    assert len(mails) > 200
    for path in mails:
        reading = read(path.read_bytes())
        assert reading.arrivals or "feedback" in path.read_text("latin-1").lower(), path.relative_to(DATA)


# Over the wire


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    server = Dovecot.create()
    yield server
    server.remove()


def with_mailbox(dovecot: Dovecot, user: str, **changes: Any) -> MailSettings:
    mailbox = MailboxSettings(
        host="127.0.0.1",
        port=dovecot.port,
        security=Security.PLAIN,
        login=Login(user=user, password=PASSWORD),
        existing=Existing.ALL,
        idle=1.0,
    )
    return replace(SETTINGS, mailbox=mailbox, **changes)


@asynccontextmanager
async def polling(channel: MailChannel, port: MailPort) -> AsyncGenerator[None]:
    await channel.start(port)
    task = asyncio.create_task(channel.poll())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await channel.stop()


async def test_a_mailbox_is_read_as_long_as_it_is_polled(dovecot: Dovecot, tmp_path: Path) -> None:
    port = MailPort(folder=tmp_path)
    large = mail("z" * 60 + "\n" + ("z" * 60 + "\n") * (LARGE // 60), Message_ID="<large@example.com>")
    dovecot.deliver("polled", mail(), bytes(range(1, 256)) * 8, large)
    async with polling(MailChannel(with_mailbox(dovecot, "polled")), port):
        await until(lambda: len(port.messages) == 3)
        await asyncio.to_thread(dovecot.deliver, "polled", mail("and another", Message_ID="<m2@example.com>"))
        await until(lambda: len(port.messages) == 4)
        await until(lambda: sum("Seen" in flags for flags in dovecot.flags("polled")) == 3)
    assert port.missing == [], "files are on disk before the rows that name them"
    assert [found.message_id for found in port.messages if found.automatic is None] == [
        "m1@example.com",
        "large@example.com",
        "m2@example.com",
    ]
    validity = port.messages[0].external_id.split(":")[1]
    assert [found.external_id for found in port.messages] == [f"mail:{validity}:{uid}" for uid in (1, 2, 3, 4)]
    assert (port.last_cursor or "").startswith(f"{validity}:4:")
    assert "Seen" not in dovecot.flags("polled")[1], "what could not be read waits for a person"


async def test_while_our_storage_is_away_mails_wait_in_the_mailbox(dovecot: Dovecot, tmp_path: Path) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    port = MailPort(folder=tmp_path, failures=3)
    dovecot.deliver("patient", mail())
    async with polling(MailChannel(with_mailbox(dovecot, "patient"), pause=pause), port):
        await until(lambda: port.messages)
    assert len(port.messages) == 1
    assert pauses[:3] == [1.0, 2.0, 4.0]


async def test_a_wrong_password_is_not_tried_until_we_are_locked_out(dovecot: Dovecot, tmp_path: Path) -> None:
    pauses: list[float] = []
    wrong = with_mailbox(dovecot, "locked")
    assert wrong.mailbox is not None
    wrong = replace(wrong, mailbox=replace(wrong.mailbox, login=Login(user="locked", password="wrong")))

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            await asyncio.Event().wait()

    async with polling(MailChannel(wrong, pause=pause), MailPort(folder=tmp_path)):
        await until(lambda: len(pauses) == 3)
    assert pauses == [1.0, 120.0, 120.0]


@asynccontextmanager
async def served(channel: MailChannel, port: MailPort) -> AsyncGenerator[str]:
    await channel.start(port)
    app = web.Application(client_max_size=1024)
    app.add_routes(channel.routes())
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
        await channel.stop()


async def test_a_raw_mail_may_be_handed_in_by_who_knows_the_secret(tmp_path: Path, clock: FrozenClock) -> None:
    port = MailPort(folder=tmp_path)
    channel = MailChannel(replace(SETTINGS, push=PushSettings(secret=PUSHED)), clock=clock)
    now, raw = int(clock().timestamp()), mail()
    async with served(channel, port) as url, ClientSession() as http:

        async def push(body: bytes, signature: str) -> int:
            async with http.post(f"{url}/mail/push", data=BytesIO(body), headers={SIGNATURE: signature}) as answer:
                return answer.status

        good = sign(PUSHED, raw, at=now)
        for forged in (
            "",
            "t=,v1=",
            "t=x,v1=y",
            good.replace("v1=", "v1=0"),
            sign(b"guessed-guessed-guessed", raw, at=now),
            sign(PUSHED, raw + b"x", at=now),
            sign(PUSHED, raw, at=now - 301),
            sign(PUSHED, raw, at=now + 301),
            f"t={now - 1},{good.split(',')[1]}",
        ):
            assert await push(raw, forged) == 401
        assert port.messages == []
        assert {refusal.reason for refusal in port.refused} == {FORGED}
        assert (len(port.refused), port.refused[0].sha256) == (9, sha256(raw).hexdigest())
        assert await push(raw, good) == 200
        assert await push(raw, f"{sign(b'the old secret of it', raw, at=now)},{good.split(',')[1]}") == 200
        assert [found.external_id for found in port.messages] == [f"push:{sha256(raw).hexdigest()}"] * 2
        port.failures = 1
        assert await push(raw, good) == 503
        large = b"x" * 2_000_001
        assert await push(large, sign(PUSHED, large, at=now)) == 413
        assert port.refused[-1].reason == "too large: bytes"


async def test_a_reply_leaves_and_is_known_when_it_comes_back(tmp_path: Path, clock: FrozenClock) -> None:
    server = SmtpServer()
    async with server.running():
        submission = SubmissionSettings(host="127.0.0.1", port=server.port, security=Security.PLAIN)
        channel = MailChannel(replace(SETTINGS, submission=submission), clock=clock)
        port = MailPort(folder=tmp_path)
        await channel.start(port)
        blob = await port.keep(b"%PDF-1.7", content_type="application/pdf")
        reply = OutboundMessage(
            channel="mail",
            address="mailto:lin@example.com",
            text="It is on its way.",
            key="d42",
            reply_to="m1@example.com",
            references=("m0@example.com", "m1@example.com"),
            subject="My parcel",
            thread="m0@example.com",
            attachments=(Attachment(kind=AttachmentKind.FILE, id=blob.sha256, name="label.pdf"),),
        )
        receipt = await channel.send(reply)
        with pytest.raises(SendError, match="gone"):
            await channel.send(replace(reply, attachments=(replace(reply.attachments[0], id="0" * 64),)))
        elsewhere = Attachment(kind=AttachmentKind.LOCATION, id="", data={"latitude": "30.2", "longitude": "120.1"})
        with pytest.raises(SendError, match="no content to enclose"):
            await channel.send(replace(reply, attachments=(elsewhere,)))
        huge = await port.keep(b"", content_type="application/pdf")
        port.blobs[huge.sha256] = replace(huge, size=50_000_000)
        with pytest.raises(SendError, match="too large for a mail"):
            await channel.send(replace(reply, attachments=(replace(reply.attachments[0], id=huge.sha256),)))
        assert await channel.probe() == "127.0.0.1 takes our mail"
        await channel.stop()
    (taken,) = server.taken
    made = message_from_bytes(taken.content)
    assert receipt.external_ids == (made["Message-ID"].strip("<>"),)
    assert (made["In-Reply-To"], made["Subject"]) == ("<m1@example.com>", "Re: My parcel")
    assert made["References"].split() == ["<m0@example.com>", "<m1@example.com>"]
    answer = mail("Thanks", To=made["Reply-To"], In_Reply_To=made["Message-ID"], Subject="other")
    assert message(answer).thread == "m0@example.com"
    assert message(taken.content).automatic == "ours"


async def test_a_mailbox_that_only_receives_says_so(tmp_path: Path) -> None:
    channel = MailChannel(SETTINGS)
    await channel.start(MailPort(folder=tmp_path))
    with pytest.raises(SendError) as told:
        await channel.send(OutboundMessage(channel="mail", address="mailto:lin@example.com", text="hi", key="d1"))
    assert told.value.code is SendErrorCode.UNSUPPORTED
    await channel.stop()


def test_settings_that_would_let_others_in_or_listen_are_none() -> None:
    with pytest.raises(InsecurePush):
        PushSettings(secret=b"short")
    with pytest.raises(InsecureMailbox):
        MailboxSettings(host="imap.shop.example", security=Security.PLAIN, login=Login(user="x", password="y"))
    assert "thirty-two" not in repr(SETTINGS)
    assert timedelta(0) < SETTINGS.window
