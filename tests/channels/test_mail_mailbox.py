"""A mailbox is read exactly once, page by page, whatever happens to the connection: against a real Dovecot."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import AsyncGenerator, Collection, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from channels.envelope import SendError, SendErrorCode
from channels.mail.cursor import Cursor
from channels.mail.imap import HEADER_BYTES
from channels.mail.mailbox import Mailbox, Page
from channels.mail.settings import After, Existing, Login, MailboxSettings, Security, TokenSettings
from channels.mail.tokens import Secrets
from tests.channels.dovecot import PASSWORD, TOKEN, Dovecot
from tests.clock import FrozenClock
from tests.waiting import until

LARGEST = 100_000


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    server = Dovecot.create()
    yield server
    server.remove()


@pytest.fixture
def user(request: pytest.FixtureRequest) -> str:
    """A mailbox of the test's own."""
    return f"user{abs(hash(request.node.nodeid)) % 10**8}"


def mail(number: int, text: str = "Where is my parcel?") -> bytes:
    return f"From: lin@example.com\nMessage-ID: <{number}@example.com>\nSubject: No. {number}\n\n{text}\n".encode()


def settings(server: Dovecot, user: str, **changes: Any) -> MailboxSettings:
    given = MailboxSettings(
        host="127.0.0.1",
        port=server.port,
        security=Security.PLAIN,
        certificates=server.certificate,
        login=Login(user=user, password=PASSWORD),
        existing=Existing.ALL,
        idle=2.0,
        poll=0.05,
        timeout=10.0,
    )
    return replace(given, **changes)


@dataclass
class Store:
    """What is stored, with the cursor that it was stored with; it survives whoever fills it."""

    cursor: str | None = None
    mails: dict[tuple[int, int], bytes] = field(default_factory=dict[tuple[int, int], bytes])
    batches: list[int] = field(default_factory=list[int])
    failures: int = 0

    async def take(self, page: Page) -> Collection[int]:
        if self.failures:
            self.failures -= 1
            raise ConnectionResetError("the database is away")
        self.batches.append(len(page.mails))
        for waiting in page.mails:
            key = (page.cursor.validity, waiting.uid)
            assert key not in self.mails, "nothing is taken twice"
            self.mails[key] = waiting.raw
        self.cursor = str(page.cursor)
        return ()

    @property
    def subjects(self) -> list[str]:
        return [raw.split(b"Subject: ")[1].split(b"\r\n")[0].decode() for raw in self.mails.values()]


@asynccontextmanager
async def opened(given: MailboxSettings, clock: Any = lambda: datetime.now(UTC)) -> AsyncGenerator[Mailbox]:
    mailbox = Mailbox(given, secret=Secrets(given.login), largest=LARGEST, clock=clock)
    try:
        yield mailbox
    finally:
        await mailbox.close()


async def drain(given: MailboxSettings, store: Store) -> None:
    async with opened(given) as mailbox:
        await mailbox.pages(Cursor.read(store.cursor), store.take)


async def test_what_waits_is_taken_in_order_and_page_by_page(dovecot: Dovecot, user: str) -> None:
    dovecot.deliver(user, *(mail(number) for number in range(7)))
    store = Store()
    await drain(settings(dovecot, user, page=3), store)
    assert store.subjects == [f"No. {number}" for number in range(7)]
    assert [batch for batch in store.batches if batch] == [3, 3, 1]
    await drain(settings(dovecot, user), store)
    assert len(store.mails) == 7


async def test_a_page_holds_no_more_bytes_than_its_limit(dovecot: Dovecot, user: str) -> None:
    dovecot.deliver(user, *(mail(number, "long " * 4000) for number in range(3)), mail(3))
    store = Store()
    await drain(settings(dovecot, user, page_bytes=45_000), store)
    assert [batch for batch in store.batches if batch] == [2, 2]


async def test_a_mailbox_that_was_there_before_us_gives_what_the_operator_chose(dovecot: Dovecot, user: str) -> None:
    dovecot.deliver(user, mail(1), mail(2), mail(3))
    client = dovecot.client(user)
    client.select("INBOX")
    client.store("2", "+FLAGS", "\\Seen")
    client.logout()
    stores = {existing: Store() for existing in Existing}
    for existing, store in stores.items():
        await drain(settings(dovecot, user, existing=existing, after=After.LEAVE), store)
    dovecot.deliver(user, mail(4))
    for existing, store in stores.items():
        await drain(settings(dovecot, user, existing=existing, after=After.LEAVE), store)
    assert stores[Existing.NONE].subjects == ["No. 4"]
    assert stores[Existing.UNSEEN].subjects == ["No. 1", "No. 3", "No. 4"]
    assert stores[Existing.ALL].subjects == ["No. 1", "No. 2", "No. 3", "No. 4"]


async def test_a_mail_that_a_colleague_read_on_a_telephone_first_is_taken_all_the_same(
    dovecot: Dovecot, user: str
) -> None:
    store = Store()
    given = settings(dovecot, user, existing=Existing.UNSEEN)
    await drain(given, store)
    dovecot.deliver(user, mail(1))
    client = dovecot.client(user)
    client.select("INBOX")
    client.store("1", "+FLAGS", "\\Seen")
    client.logout()
    await drain(given, store)
    assert store.subjects == ["No. 1"]


async def test_a_mail_is_marked_as_read_only_when_it_is_stored(dovecot: Dovecot, user: str) -> None:
    dovecot.deliver(user, mail(1))
    store = Store(failures=1)
    with pytest.raises(ConnectionResetError):
        await drain(settings(dovecot, user), store)
    assert "\\Seen" not in dovecot.flags(user)[0]
    await drain(settings(dovecot, user), store)
    assert "\\Seen" in dovecot.flags(user)[0]


async def test_who_died_between_the_commit_and_the_mark_leaves_it_to_the_next(dovecot: Dovecot, user: str) -> None:
    class Killed(BaseException):
        pass

    async def stored_and_killed(page: Page) -> Collection[int]:
        await store.take(page)
        if page.mails:
            raise Killed
        return ()

    dovecot.deliver(user, *(mail(number) for number in range(4)))
    store = Store()
    async with opened(settings(dovecot, user, page=2)) as mailbox:
        with suppress(Killed):
            await mailbox.pages(None, stored_and_killed)
    assert [("\\Seen" in flags) for flags in dovecot.flags(user)] == [False] * 4
    await drain(settings(dovecot, user, page=2), store)
    assert [("\\Seen" in flags) for flags in dovecot.flags(user)] == [True] * 4
    assert len(store.mails) == 4


@pytest.mark.parametrize("lacks", ["", "MOVE", "MOVE UIDPLUS"])
async def test_stored_mails_are_moved_to_a_folder_that_is_made_for_them(user: str, lacks: str) -> None:
    capability = " ".join(
        each for each in ("IMAP4rev1", "LITERAL+", "IDLE", "UIDPLUS", "MOVE") if each not in lacks.split()
    )
    server = Dovecot.create(capability=capability)
    try:
        server.deliver(user, mail(1), mail(2))
        store = Store()
        await drain(settings(server, user, after=After.MOVE, move_to="已处理"), store)
        assert len(store.mails) == 2
        left = [flags for flags in server.flags(user) if "Deleted" not in flags]
        assert left == []
        assert len(server.flags(user, "&XfJZBHQG-")) == 2
    finally:
        server.remove()


async def test_news_arrive_while_we_wait_for_them(dovecot: Dovecot, user: str) -> None:
    store = Store()
    async with opened(settings(dovecot, user, idle=60.0)) as mailbox:
        cursor = await mailbox.pages(None, store.take)
        for number in range(3):
            waiting = asyncio.create_task(mailbox.news())
            await asyncio.to_thread(dovecot.deliver, user, mail(number))
            await asyncio.wait_for(waiting, 30)
            cursor = await mailbox.pages(cursor, store.take)
    assert store.subjects == ["No. 0", "No. 1", "No. 2"]


async def test_a_wait_is_renewed_before_routers_forget_the_connection(dovecot: Dovecot, user: str) -> None:
    async with opened(settings(dovecot, user, idle=0.1)) as mailbox:
        await mailbox.pages(None, Store().take)
        await asyncio.wait_for(mailbox.news(), 10)
        await asyncio.wait_for(mailbox.news(), 10)


async def test_a_server_without_idle_is_looked_at_again_and_again(user: str) -> None:
    server = Dovecot.create(capability="IMAP4rev1 LITERAL+")
    try:
        store = Store()
        async with opened(settings(server, user)) as mailbox:
            cursor = await mailbox.pages(None, store.take)
            server.deliver(user, mail(1))
            await mailbox.news()
            await mailbox.pages(cursor, store.take)
        assert store.subjects == ["No. 1"]
    finally:
        server.remove()


async def listen(mailbox: Mailbox) -> None:
    while True:
        await mailbox.news()


async def test_a_lost_connection_is_told_and_the_next_try_goes_on_where_it_was(user: str) -> None:
    server = Dovecot.create()
    try:
        server.deliver(user, mail(1))
        store = Store()
        async with opened(settings(server, user, idle=60.0)) as mailbox:
            await mailbox.pages(None, store.take)
            waiting = asyncio.create_task(listen(mailbox))
            await asyncio.to_thread(server.kick)
            with pytest.raises(SendError) as told:
                await asyncio.wait_for(waiting, 30)
            assert told.value.code is SendErrorCode.UNREACHABLE
            server.deliver(user, mail(2))
            await mailbox.pages(Cursor.read(store.cursor), store.take)
        assert store.subjects == ["No. 1", "No. 2"]
    finally:
        server.remove()


async def test_a_mailbox_that_was_made_anew_is_read_from_the_last_day_on_and_not_from_its_beginning(
    dovecot: Dovecot, user: str
) -> None:
    now = datetime.now(UTC)
    dovecot.deliver(user, mail(1), arrived=now - timedelta(days=400))
    dovecot.deliver(user, mail(2), mail(3), arrived=now)
    store = Store()
    given = settings(dovecot, user)
    await drain(given, store)
    assert len(store.mails) == 3
    dovecot.renew(user)
    dovecot.deliver(user, mail(4), arrived=now)
    await drain(given, store)
    validities = {validity for validity, _ in store.mails}
    assert len(validities) == 2
    assert sorted(store.subjects[3:]) == ["No. 2", "No. 3", "No. 4"], "the last day again: known by their fingerprints"
    await drain(given, store)
    assert len(store.mails) == 6


async def test_wide_gaps_between_uids_are_stepped_over(dovecot: Dovecot, user: str) -> None:
    dovecot.deliver(user, mail(0))
    dovecot.jump(user, 1386914433)  # as at 163.com
    dovecot.deliver(user, mail(1), mail(2))
    store = Store()
    await drain(settings(dovecot, user), store)
    assert [uid for _, uid in store.mails] == [1, 1386914433, 1386914434]
    assert sum(1 for batch in store.batches if not batch) <= 2


async def test_of_a_mail_beyond_the_limit_only_the_beginning_is_fetched(dovecot: Dovecot, user: str) -> None:
    dovecot.deliver(user, mail(1, "x" * 70 + "\n" + ("y" * 70 + "\n") * 10_000), mail(2))
    pages: list[Page] = []

    async def take(page: Page) -> Collection[int]:
        pages.append(page)
        return ()

    async with opened(settings(dovecot, user)) as mailbox:
        await mailbox.pages(None, take)
    large, small = (waiting for page in pages for waiting in page.mails)
    assert (large.whole, small.whole) == (False, True)
    assert large.size > 700_000
    assert len(large.raw) == HEADER_BYTES
    assert large.raw.startswith(b"From: lin@example.com")


@pytest.mark.parametrize("security", list(Security))
async def test_connections_are_encrypted_as_the_settings_say(dovecot: Dovecot, user: str, security: Security) -> None:
    port = dovecot.tls_port if security is Security.TLS else dovecot.port
    async with opened(settings(dovecot, user, security=security, port=port)) as mailbox:
        assert await mailbox.probe() == 0


async def test_a_certificate_that_nobody_vouches_for_ends_the_talk_before_the_password_is_said(
    dovecot: Dovecot, user: str
) -> None:
    given = settings(dovecot, user, security=Security.TLS, port=dovecot.tls_port, certificates=None)
    async with opened(given) as mailbox:
        with pytest.raises(SendError, match="certificate") as told:
            await mailbox.probe()
    assert told.value.code is SendErrorCode.UNREACHABLE


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ({"login": Login(user="x", password="wrong")}, SendErrorCode.UNAUTHORIZED, "refuses our login"),
        ({"folder": "No such"}, SendErrorCode.REJECTED, "no folder No such"),
        ({"port": 9}, SendErrorCode.UNREACHABLE, "refused"),
    ],
)
async def test_what_is_wrong_is_said_without_the_secret(
    dovecot: Dovecot, user: str, change: dict[str, Any], code: SendErrorCode, said: str
) -> None:
    async with opened(settings(dovecot, user, **change)) as mailbox:
        with pytest.raises(SendError, match=said) as told:
            await mailbox.probe()
    assert told.value.code is code
    assert "wrong" not in told.value.detail
    assert PASSWORD not in repr(settings(dovecot, user))


async def test_nothing_is_said_in_the_clear_to_a_server_that_offers_no_starttls() -> None:
    heard: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK [CAPABILITY IMAP4rev1] hello\r\n")
        while line := await reader.readline():
            heard.append(line)
            tag = line.split()[0]
            writer.write(b"* CAPABILITY IMAP4rev1\r\n" + tag + b" OK done\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    given = MailboxSettings(
        host="127.0.0.1",
        port=server.sockets[0].getsockname()[1],
        security=Security.STARTTLS,
        login=Login(user="support", password=PASSWORD),
    )
    async with opened(given) as mailbox:
        with pytest.raises(SendError, match="STARTTLS"):
            await mailbox.probe()
    server.close()
    await server.wait_closed()
    assert not any(b"LOGIN" in line for line in heard)


async def test_cancelling_breaks_a_connection_off_at_once() -> None:
    """A server that takes the connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        given = MailboxSettings(
            host="127.0.0.1",
            port=silent.getsockname()[1],
            security=Security.PLAIN,
            login=Login(user="support", password=PASSWORD),
            timeout=0.5,
        )
        async with opened(given) as mailbox:
            looking = asyncio.create_task(mailbox.probe())
            await until(lambda: not looking.done())
            looking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(looking, 5)
            with pytest.raises(SendError) as told:
                await mailbox.probe()
    assert told.value.code is SendErrorCode.UNREACHABLE


def test_a_cursor_reads_back_as_it_was_written() -> None:
    cursor = Cursor(validity=7, uid=1042, acknowledged=1000, newest=datetime(2026, 3, 2, tzinfo=UTC), unseen_until=3)
    assert Cursor.read(str(cursor)) == cursor
    assert Cursor.read(None) is None


async def test_xoauth2_logs_in_with_a_token_in_place_of_a_password(tmp_path: Path, user: str) -> None:
    heard: list[bytes] = []
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Of IMAP as much as Gmail's login needs."""
        writer.write(b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] Gimap ready\r\n")
        while line := await reader.readline():
            tag = line.split()[0]
            match line.split()[1].upper():
                case b"AUTHENTICATE":
                    writer.write(b"+ \r\n")
                    heard.append(await reader.readline())
                    writer.write(tag + b" OK welcome\r\n")
                case b"SELECT":
                    writer.write(b"* 0 EXISTS\r\n* OK [UIDVALIDITY 1] .\r\n* OK [UIDNEXT 1] .\r\n" + tag + b" OK .\r\n")
                case b"LOGOUT":
                    writer.write(b"* BYE\r\n" + tag + b" OK .\r\n")
                case _:
                    writer.write(b"* CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2\r\n" + tag + b" OK .\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    given = MailboxSettings(
        host="127.0.0.1",
        port=server.sockets[0].getsockname()[1],
        security=Security.PLAIN,
        login=Login(user="support@shop.example", token=TokenSettings(file=str(file))),
    )
    async with opened(given) as mailbox:
        assert await mailbox.probe() == 0
    server.close()
    await server.wait_closed()
    import base64

    (said,) = heard
    assert base64.b64decode(said) == f"user=support@shop.example\1auth=Bearer {TOKEN}\1\1".encode()


async def test_a_token_is_refreshed_before_it_expires_and_not_sooner(clock: FrozenClock) -> None:
    asked: list[dict[str, str]] = []

    async def token(request: web.Request) -> web.Response:
        asked.append({key: str(value) for key, value in (await request.post()).items()})
        return web.json_response({"access_token": f"t{len(asked)}", "expires_in": 3600})

    app = web.Application()
    app.router.add_post("/token", token)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    secrets = Secrets(
        Login(
            user="support",
            token=TokenSettings(
                url=f"http://127.0.0.1:{runner.addresses[0][1]}/token",
                client_id="rapport",
                client_secret="s3cret",
                refresh_token="r",
            ),
        ),
        clock=clock,
    )
    assert [await secrets(), await secrets()] == ["t1", "t1"]
    clock.advance(timedelta(minutes=54))
    assert await secrets() == "t1"
    clock.advance(timedelta(minutes=2))
    assert await secrets() == "t2"
    secrets.forget()
    assert await secrets() == "t3"
    await runner.cleanup()
    assert asked[0] == {
        "grant_type": "refresh_token",
        "client_id": "rapport",
        "client_secret": "s3cret",
        "refresh_token": "r",
    }


async def test_a_token_may_come_from_a_program_and_a_program_that_fails_is_told(tmp_path: Path) -> None:
    program = tmp_path / "token"
    program.write_text("#!/bin/sh\necho from-a-program\n")
    program.chmod(stat.S_IRWXU)
    assert await Secrets(Login(user="x", token=TokenSettings(command=(str(program),))))() == "from-a-program"
    for broken in (("false",), (os.fspath(tmp_path / "absent"),)):
        with pytest.raises(SendError) as told:
            await Secrets(Login(user="x", token=TokenSettings(command=broken)))()
        assert told.value.code is SendErrorCode.UNAUTHORIZED
