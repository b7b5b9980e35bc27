"""What one mailbox needs to be told."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final

from channels.mail.composing import Sender
from channels.mail.enclosing import LARGEST_FILES
from channels.mail.layout import LAYOUTS, Layout
from channels.mail.message import Limits as MailLimits
from channels.mail.signing import DkimKey
from channels.mail.webhooks import HookSettings
from channels.protocol import Limits
from channels.unproven import PER_HOUR

__all__ = [
    "LIMITS",
    "After",
    "Existing",
    "InsecureMailbox",
    "InsecurePush",
    "InsecureSubmission",
    "Login",
    "MailLimits",
    "MailSettings",
    "MailboxSettings",
    "PushSettings",
    "Security",
    "SubmissionSettings",
    "TokenSettings",
]

LIMITS: Final = Limits(
    text=100_000, per_second=10, per_address=1, burst=5, concurrency=32, markup=True, file_bytes=LARGEST_FILES
)
"""What mail servers let an ordinary sender do; a provider that allows more is a setting away."""


class Security(StrEnum):
    """How the connection is kept from others' eyes."""

    TLS = "tls"  # from the first byte (RFC 8314, 3.3), port 465
    STARTTLS = "starttls"  # asked for, and insisted on (RFC 3207), port 587
    PLAIN = "plain"  # not at all: to this very machine only


class After(StrEnum):
    """What becomes of a mail in the mailbox once it is stored here."""

    SEEN = "seen"  # marked as read
    MOVE = "move"  # moved to another folder
    LEAVE = "leave"  # nothing


class Existing(StrEnum):
    """Which of the mails are taken that were there before us."""

    NONE = "none"  # only what arrives from now on
    UNSEEN = "unseen"  # what nobody has read yet, too
    ALL = "all"  # everything, from the first one


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenSettings:
    """Where an access token for XOAUTH2 comes from: exactly one of the three."""

    file: str | None = None
    """A file that somebody else keeps fresh; read anew for every connection."""
    command: tuple[str, ...] = ()
    """A program that prints a token; run without a shell."""
    url: str | None = None
    """The provider's token endpoint (RFC 6749, 6): asked with the refresh token, before the old one expires."""
    client_id: str = ""
    client_secret: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    scope: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Login:
    """Who we are to a mail server."""

    user: str
    password: str | None = field(default=None, repr=False)
    """Or the authorisation code that providers in China give instead (授权码)."""
    token: TokenSettings | None = None
    """In place of a password."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MailboxSettings:
    """Where mail is read (IMAP4rev1, RFC 3501)."""

    host: str
    login: Login
    port: int = 993
    security: Security = Security.TLS
    certificates: str | None = None
    """A file of authorities to trust instead of the system's: for a server with a certificate of its own making."""
    folder: str = "INBOX"
    after: After = After.SEEN
    move_to: str = "Rapport"
    """With After.MOVE; made where it does not exist."""
    existing: Existing = Existing.NONE
    idle: float = 240.0
    """Seconds after which a wait for news (IDLE, RFC 2177) is renewed. The RFC wants it under 29 minutes; routers
    forget silent connections much sooner, and what a lost one would hide is found by the renewal."""
    poll: float = 30.0
    """Seconds between two looks at a server without IDLE."""
    timeout: float = 60.0
    """Seconds that any one answer of the server may take."""
    page: int = 200
    """Mails fetched by one command, and stored by one commit."""
    page_bytes: int = 16 * 1024 * 1024
    """No more than so many bytes of mail are held in memory at once, one mail that is larger excepted."""

    def __post_init__(self) -> None:
        if self.security is Security.PLAIN and not _here(self.host):
            raise InsecureMailbox


class InsecureMailbox(ValueError):
    """A mailbox is read without TLS only on this machine (localhost, 127.0.0.1, ::1)."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


@dataclass(frozen=True, kw_only=True, slots=True)
class SubmissionSettings:
    """Where our mails are handed over, and as whom."""

    host: str
    port: int = 465
    security: Security = Security.TLS
    user: str | None = None
    """None: no login."""
    password: str | None = field(default=None, repr=False)
    token: Callable[[], Awaitable[str]] | None = field(default=None, repr=False)
    """Gives a fresh OAuth 2 access token, or raises SendError; with it, login is by XOAUTH2."""
    certificates: str | None = None
    """A file of certificates to trust instead of the system's."""
    hello: str = "localhost"
    """How we introduce ourselves (RFC 5321, 4.1.4)."""
    connections: int = 4
    """At once, at most."""
    mails: int = 1000
    """Over one connection, at most; a server that wants fewer says so, and gets a new connection."""
    timeout: float = 25.0
    """Seconds for the answer to a whole mail, and for a connection to be ready. Together with twice `patience` it is
    shorter than the lease of a Delivery."""
    idle: float = 30.0
    """Seconds after which a connection that nobody needs is closed."""

    @property
    def patience(self) -> float:
        """Seconds that a mail waits for a connection, and then for the answers before its content."""
        return self.timeout * 0.4

    def context(self) -> ssl.SSLContext | None:
        """Raises InsecureSubmission; OSError where the certificates cannot be read."""
        if self.security is not Security.PLAIN:
            return ssl.create_default_context(cafile=self.certificates)
        if not _here(self.host):
            raise InsecureSubmission
        return None


class InsecureSubmission(ValueError):
    """Mail is handed over without TLS only to a server on this machine (localhost, 127.0.0.1, ::1)."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


def _here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, kw_only=True, slots=True)
class PushSettings:
    """Mail that somebody else's server hands in over HTTP, as it came (raw MIME)."""

    secret: bytes = field(repr=False)
    """Shared with it: at least 16 bytes."""
    path: str = "/mail/push"
    """Where our own server listens for it."""
    window: float = 300.0
    """Seconds that a signature's time may differ from ours."""

    def __post_init__(self) -> None:
        if len(self.secret) < 16:
            raise InsecurePush


class InsecurePush(ValueError):
    """Mail that is handed in over HTTP needs a secret of at least 16 bytes: else anybody could write as anybody."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


@dataclass(frozen=True, kw_only=True, slots=True)
class MailSettings:
    """One mailbox as a channel: where mail comes in (any of mailbox, push and a provider's webhook) and leaves."""

    sender: Sender
    """Whose mailbox it is."""
    secret: bytes = field(repr=False)
    """Signs reply addresses, Message-IDs and the links to unsubscribe with: of this house alone, and lasting."""
    name: str = "mail"
    """Of the channel."""
    mailbox: MailboxSettings | None = None
    push: PushSettings | None = None
    hook: HookSettings | None = None
    submission: SubmissionSettings | None = None
    """None: this mailbox only receives."""
    submission_login: Login | None = None
    """With a token in it: who we are to the submission server, in place of user and password there."""
    dkim: DkimKey | None = None
    public_url: str | None = None
    """https:// and where the public reaches our server: marketing needs it, for its way out."""
    aliases: tuple[str, ...] = ()
    """Further addresses whose mail comes in here: what they send is our own."""
    trusted_authserv_id: str | None = None
    """How our own mail server calls itself in Authentication-Results (RFC 8601): what it says of a sender is believed.
    It must remove such headers of others that claim its name."""
    window: timedelta = timedelta(days=3)
    """How long a mail of the same sender that answers nothing still belongs to the newest conversation."""
    limits: Limits = LIMITS
    accepts: MailLimits = field(default_factory=MailLimits)
    """What a mail may be at most."""
    enclosed_bytes: int = LARGEST_FILES
    """Of all files together that go along with a mail of ours."""
    forged_per_hour: int = PER_HOUR
    """Forged requests at our addresses that leave a Refusal; who sends more of them cannot fill the disk."""
    layouts: Mapping[str, Layout] = field(default_factory=lambda: LAYOUTS)
    """What surrounds the words, by language."""
