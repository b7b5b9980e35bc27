"""One IMAP connection (RFC 3501), by the library IMAPClient: it waits where it stands, so it is used in a thread."""

from __future__ import annotations

import asyncio
import imaplib
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol, TypeVar, cast

from channels.mail.imap_failures import NoSuchFolder, Unauthorized, Unencrypted
from channels.mail.settings import After, MailboxSettings, Security

T = TypeVar("T")

HEADER_BYTES: Final = 262_144
"""What is looked at of a mail that is too large to be taken: its headers and, mostly, what the person wrote."""

_SIZE: Final = "RFC822.SIZE"
_ARRIVED: Final = "INTERNALDATE"

_LATER: Final = ("UNAVAILABLE", "INUSE", "LIMIT", "Too many")
"""In the answer to a login that is refused for now (RFC 5530, and what Gmail says)."""
_CONNECTING: Final = 15.0
"""Seconds that a connection may take to be made."""

# At `debug` the library writes down all that is said, which is customers' mail and our password.
logging.getLogger("imapclient").setLevel(logging.WARNING)
# A search of a large folder answers with all its numbers in one line; the standard library stops reading at 1 MB.
imaplib._MAXLINE = 20_000_000  # pyright: ignore[reportAttributeAccessIssue]  # noqa: SLF001


@dataclass(frozen=True, kw_only=True, slots=True)
class Folder:
    """What the server says of a folder when it is opened."""

    validity: int
    next: int
    """The UID that the next mail will have: all that are in the folder now are below it."""
    exists: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What the server says of a mail."""

    size: int
    arrived: datetime


class _Client(Protocol):
    """What we use of imapclient.IMAPClient, which states no types."""

    def starttls(self, ssl_context: ssl.SSLContext | None = None) -> object: ...
    def login(self, username: str, password: str) -> object: ...
    def oauth2_login(self, user: str, access_token: str) -> object: ...
    def logout(self) -> object: ...
    def shutdown(self) -> object: ...
    def socket(self) -> socket.socket: ...
    def has_capability(self, capability: str) -> bool: ...
    def id_(self, parameters: Mapping[str, str] | None = None) -> object: ...
    def select_folder(self, folder: str, readonly: bool = False) -> Mapping[bytes, Any]: ...
    def folder_exists(self, folder: str) -> bool: ...
    def create_folder(self, folder: str) -> object: ...
    def search(self, criteria: Sequence[object]) -> Sequence[int]: ...
    def fetch(self, messages: Sequence[int], data: Sequence[str]) -> Mapping[int, Mapping[bytes, Any]]: ...
    def add_flags(self, messages: Sequence[int], flags: Sequence[bytes], silent: bool = False) -> object: ...
    def move(self, messages: Sequence[int], folder: str) -> object: ...
    def copy(self, messages: Sequence[int], folder: str) -> object: ...
    def uid_expunge(self, messages: Sequence[int]) -> object: ...
    def idle(self) -> object: ...
    def idle_check(self, timeout: float | None = None) -> Sequence[Sequence[object]]: ...
    def idle_done(self) -> tuple[object, Sequence[Sequence[object]]]: ...


class Session:
    """One connection; everything in it waits, so it is used in a thread, `break_off` excepted."""

    def __init__(self, settings: MailboxSettings) -> None:
        self._settings = settings
        self._client: _Client
        self._connected = False
        self._broken = False
        self._in_use = threading.Lock()

    def use(self, work: Callable[[Session], T]) -> T:
        with self._in_use:
            try:
                return work(self)
            finally:
                if self._broken:
                    self._hang_up()

    def open(self, secret: str) -> None:
        """Connect and log in. Raises Unauthorized, Unencrypted, OSError and imaplib's errors."""
        from imapclient import IMAPClient, SocketTimeout

        settings = self._settings
        context = ssl.create_default_context(cafile=settings.certificates)
        made: Any = IMAPClient(
            settings.host,
            port=settings.port,
            ssl=settings.security is Security.TLS,
            ssl_context=context,
            timeout=cast("Any", SocketTimeout(connect=min(_CONNECTING, settings.timeout), read=settings.timeout)),
        )
        made.normalise_times = False
        self._client, self._connected = cast("_Client", made), True
        try:
            self._greet(context, secret)
        except BaseException:
            self._hang_up()
            raise

    def _greet(self, context: ssl.SSLContext, secret: str) -> None:
        if self._settings.security is Security.STARTTLS:
            if not self._client.has_capability("STARTTLS"):
                raise Unencrypted
            self._client.starttls(context)
        self._log_in(secret)
        if self._client.has_capability("ID"):
            # RFC 2971. 163.com and 126.com let nobody read who has not said who they are.
            self._client.id_({"name": "Rapport"})

    def _log_in(self, secret: str) -> None:
        login = self._settings.login
        try:
            if login.token is not None:
                self._client.oauth2_login(login.user, secret)
            else:
                self._client.login(login.user, secret)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as refused:
            if any(code in str(refused) for code in _LATER):
                raise
            raise Unauthorized from None  # some servers repeat what was sent

    def break_off(self) -> None:
        """From any thread: whoever waits on this connection stops waiting."""
        self._broken = True
        if self._connected:
            with suppress(OSError):
                socket.socket.shutdown(self._client.socket(), socket.SHUT_RDWR)
        if self._in_use.acquire(blocking=False):
            self._hang_up()
            self._in_use.release()

    def _hang_up(self) -> None:
        connected, self._connected = self._connected, False
        if connected:
            with suppress(OSError, ValueError):
                self._client.shutdown()

    def select(self) -> Folder:
        """Raises NoSuchFolder."""
        try:
            told = self._client.select_folder(self._settings.folder)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error:
            raise NoSuchFolder(self._settings.folder) from None
        exists = int(told[b"EXISTS"])
        following = told.get(b"UIDNEXT")
        if following is None:  # a server before RFC 3501
            following = max(self._client.search(["UID", "*:*"]), default=0) + 1
        return Folder(validity=int(told[b"UIDVALIDITY"]), next=int(following), exists=exists)

    def between(self, first: int, last: int, *choice: object) -> list[int]:
        """UIDs of the mails there are; a range that ends above the last mail would include that one, too."""
        return [uid for uid in self._client.search(["UID", f"{first}:{last}", *choice]) if first <= uid <= last]

    def before_next(self, uid: int, last: int, *choice: object) -> int:
        """One less than the UID of the first mail after `uid`: what is skipped by a gap. `last` where there is none."""
        return min(self.between(uid + 1, last, *choice), default=last + 1) - 1 if uid < last else last

    def facts(self, uids: Sequence[int]) -> dict[int, Facts]:
        answer = self._client.fetch(uids, [_SIZE, _ARRIVED])
        return {
            uid: Facts(size=int(items[_SIZE.encode()]), arrived=items[_ARRIVED.encode()].astimezone(UTC))
            for uid, items in answer.items()
            if _SIZE.encode() in items and _ARRIVED.encode() in items
        }

    def bodies(self, uids: Sequence[int], facts: Mapping[int, Facts], largest: int) -> dict[int, bytes]:
        whole = [uid for uid in uids if uid in facts and facts[uid].size <= largest]
        cut = [uid for uid in uids if uid in facts and facts[uid].size > largest]
        return self._bodies(whole, "BODY.PEEK[]") | self._bodies(cut, f"BODY.PEEK[]<0.{HEADER_BYTES}>")

    def _bodies(self, uids: Sequence[int], item: str) -> dict[int, bytes]:
        found: dict[int, bytes] = {}
        for uid, items in self._client.fetch(uids, [item]).items():
            for name, content in items.items():
                if name.startswith(b"BODY[]"):
                    found[uid] = content or b""
        return found

    def acknowledge(self, uids: Sequence[int]) -> None:
        if not uids:
            return
        match self._settings.after:
            case After.SEEN:
                self._client.add_flags(uids, [b"\\Seen"], silent=True)
            case After.MOVE:
                self._move(uids)
            case After.LEAVE:
                pass

    def _move(self, uids: Sequence[int]) -> None:
        folder = self._settings.move_to
        if not self._client.folder_exists(folder):
            self._client.create_folder(folder)
        if self._client.has_capability("MOVE"):
            self._client.move(uids, folder)
            return
        self._client.copy(uids, folder)
        self._client.add_flags(uids, [b"\\Seen", b"\\Deleted"], silent=True)
        if self._client.has_capability("UIDPLUS"):  # a plain EXPUNGE would take others' deleted mail with it
            self._client.uid_expunge(uids)

    @property
    def can_idle(self) -> bool:
        return self._client.has_capability("IDLE")

    def idle(self, seconds: float) -> None:
        """Wait until something changed in the folder, or the time is up.

        What the server said in one breath with its consent is in the library's buffer, where waiting on the socket
        does not see it: so a first wait is ended at once, which reads everything.
        """
        self._client.idle()
        _, said = self._client.idle_done()
        if _tells_news(said):
            return
        self._client.idle()
        said = self._client.idle_check(timeout=seconds)
        _ended(said)
        self._client.idle_done()

    def log_out(self) -> None:
        self._client.logout()


def _tells_news(said: Iterable[Sequence[object]]) -> bool:
    _ended(said)
    return any(len(line) > 1 and line[1] == b"EXISTS" for line in said)


def _ended(said: Iterable[Sequence[object]]) -> None:
    """Raises ConnectionError where the server says goodbye."""
    if any(line and line[0] == b"BYE" for line in said):
        raise ConnectionError("the server said goodbye")


async def aside(work: Callable[[], T]) -> T:
    """In a thread that nobody waits for at the end: the library may wait long for a server that is gone."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(result: T | None, problem: Exception | None) -> None:
        if done.done():
            return
        if problem is not None:
            done.set_exception(problem)
        else:
            done.set_result(cast("T", result))

    def run() -> None:
        result: T | None = None
        problem: Exception | None = None
        try:
            result = work()
        except Exception as error:  # every one of them is raised where the work was asked for
            problem = error
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(tell, result, problem)

    threading.Thread(target=run, name="imap", daemon=True).start()
    return await done
