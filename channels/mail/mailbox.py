"""One mailbox over IMAP (RFC 3501): what has arrived since the cursor, page by page, and a wait for more.

The library (IMAPClient) waits where it stands, so it does that in a thread. Who is cancelled breaks the connection off,
and the thread ends. Nothing here marks anything as read before it is told that the mail is stored: bodies are fetched
with `BODY.PEEK`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from channels.mail.cursor import Cursor
from channels.mail.imap import Folder, Session, aside
from channels.mail.imap_failures import LOST, send_error
from channels.mail.settings import After, Existing, MailboxSettings

T = TypeVar("T")


_WIDE: Final = 1000
"""UIDs asked about at a time: there is hardly ever a gap that is wider."""
_OVERLAP: Final = timedelta(days=1)
"""SEARCH SINCE knows days in the server's own time zone alone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A mail in the mailbox."""

    uid: int
    size: int
    """Bytes, as the server states them."""
    arrived: datetime
    raw: bytes
    """All of it; of one that is too large, its beginning."""
    whole: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Mails in the order of their UIDs, and the cursor that is to be stored with them."""

    mails: tuple[Waiting, ...]
    cursor: Cursor


class Mailbox:
    """A connection that is made when it is needed, and made again when it was lost.

    All methods raise SendError, with UNAUTHORIZED for a login that is refused and UNREACHABLE for everything that
    another try may mend.
    """

    def __init__(
        self,
        settings: MailboxSettings,
        *,
        secret: Callable[[], Awaitable[str]],
        largest: int,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`secret`: the password or the access token of this moment; `largest`: bytes of a mail that is taken whole."""
        self._settings = settings
        self._secret = secret
        self._largest = largest
        self._clock = clock
        self._session: Session | None = None

    async def pages(self, cursor: Cursor | None, take: Callable[[Page], Awaitable[Collection[int]]]) -> Cursor:
        """Hand over all that came after `cursor`, a page at a time; when `take` has returned, the mailbox is told of
        all mails but those that it returns.

        Without a cursor it is the first look. Returns the cursor that the last page was stored with.
        """
        folder = await self._run(lambda session: session.select())
        cursor, fresh = self._place(folder, cursor)
        if fresh:
            await take(Page(mails=(), cursor=cursor))
        await self._acknowledge_what_is_left(cursor)
        while True:
            page = await self._next_page(folder, cursor)
            if page is None:
                return cursor
            left = await take(page)
            done = [mail.uid for mail in page.mails if mail.uid not in left]
            await self._run(lambda session, done=done: session.acknowledge(done))
            cursor = replace(page.cursor, acknowledged=page.cursor.uid)

    async def news(self) -> None:
        """Return when there may be something new: at once if the server says so, or after the time of a look."""
        if await self._run(lambda session: session.can_idle):
            await self._run(lambda session: session.idle(self._settings.idle))
        else:
            await asyncio.sleep(self._settings.poll)

    async def probe(self) -> int:
        """Log in and look: how many mails there are."""
        return (await self._run(lambda session: session.select())).exists

    async def close(self) -> None:
        """Say goodbye, for a second at most."""
        session, self._session = self._session, None
        if session is not None:
            with suppress(TimeoutError, *LOST):
                async with asyncio.timeout(1):
                    await aside(lambda: session.use(Session.log_out))
            session.break_off()

    # Where we stand

    def _place(self, folder: Folder, cursor: Cursor | None) -> tuple[Cursor, bool]:
        """The cursor to go on from, and whether it has still to be stored."""
        now = self._clock()
        if cursor is None:
            return self._first(folder, now), True
        if cursor.validity == folder.validity:
            return cursor, False
        # The mailbox was made anew (RFC 3501, 2.3.1.1) and the UIDs say nothing: what is not older than the last mail
        # that we saw is read again; those that we had are known by their content.
        anew = Cursor(validity=folder.validity, newest=cursor.newest, recent_until=folder.next - 1)
        return anew, True

    def _first(self, folder: Folder, now: datetime) -> Cursor:
        last = folder.next - 1
        match self._settings.existing:
            case Existing.NONE:
                return Cursor(validity=folder.validity, uid=last, acknowledged=last, newest=now)
            case Existing.UNSEEN:
                return Cursor(validity=folder.validity, newest=now, unseen_until=last)
            case Existing.ALL:
                return Cursor(validity=folder.validity, newest=now)

    async def _acknowledge_what_is_left(self, cursor: Cursor) -> None:
        """What was stored by somebody who was killed before the mailbox heard of it."""
        if cursor.acknowledged < cursor.uid and self._settings.after is not After.LEAVE:
            left = await self._run(lambda session: session.between(cursor.acknowledged + 1, cursor.uid))
            await self._run(lambda session: session.acknowledge(left))

    # What is next

    async def _next_page(self, folder: Folder, cursor: Cursor) -> Page | None:
        uid = cursor.uid
        while uid < folder.next - 1:
            choice, last = _choice(cursor, uid, folder.next - 1)
            end = min(uid + _WIDE, last)
            found = await self._run(lambda session, a=uid + 1, b=end, c=choice: session.between(a, b, *c))
            if found:
                return await self._fetch(cursor, found, end)
            uid = await self._run(lambda session, a=end, b=last, c=choice: session.before_next(a, b, *c))
        if uid == cursor.uid:
            return None
        return Page(mails=(), cursor=replace(cursor, uid=uid, acknowledged=uid))

    async def _fetch(self, cursor: Cursor, uids: Sequence[int], end: int) -> Page:
        """As many of these as a page holds; mails that are deleted meanwhile are not among them."""
        listed = sorted(uids)[: self._settings.page]
        facts = await self._run(lambda session: session.facts(listed))
        taken: list[int] = []
        room = self._settings.page_bytes
        for uid in listed:
            size = min(facts[uid].size, self._largest) if uid in facts else 0
            if taken and size > room:
                break
            taken.append(uid)
            room -= size
        bodies = await self._run(lambda session: session.bodies(taken, facts, self._largest))
        mails = tuple(
            Waiting(
                uid=uid,
                size=facts[uid].size,
                arrived=facts[uid].arrived,
                raw=bodies[uid],
                whole=facts[uid].size <= self._largest,
            )
            for uid in taken
            if uid in bodies
        )
        reached = end if len(taken) == len(uids) else taken[-1]
        arrived = [mail.arrived for mail in mails] if cursor.uid >= cursor.recent_until else []
        newest = max([cursor.newest, *arrived])
        return Page(mails=mails, cursor=replace(cursor, uid=reached, newest=newest))

    # The thread

    async def _run(self, work: Callable[[Session], T]) -> T:
        """Do it in a thread, on the connection that there is or on a new one."""
        try:
            if self._session is None:
                secret = await self._secret()
                session = self._session = Session(self._settings)
                await aside(lambda: session.use(lambda session: session.open(secret)))
            session = self._session
            return await aside(lambda: session.use(work))
        except asyncio.CancelledError:
            self._lose()
            raise
        except LOST as problem:
            self._lose()
            raise send_error(problem) from None

    def _lose(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.break_off()


def _choice(cursor: Cursor, uid: int, last: int) -> tuple[tuple[object, ...], int]:
    """By which further criteria mails after `uid` are taken, and up to which UID that holds."""
    if uid < cursor.unseen_until:
        return ("UNSEEN",), min(cursor.unseen_until, last)
    if uid < cursor.recent_until:
        return ("SINCE", (cursor.newest - _OVERLAP).date()), min(cursor.recent_until, last)
    return (), last
