"""What one mailbox needs to be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from channels.mail.message import Limits as MailLimits


class Security(StrEnum):
    """How a connection is kept from others."""

    TLS = "tls"  # from the first byte (RFC 8314): IMAP 993, submission 465
    STARTTLS = "starttls"  # from a command on: IMAP 143, submission 587; refused where the server does not offer it
    NONE = "none"  # not at all: only towards this machine


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


@dataclass(frozen=True, kw_only=True, slots=True)
class PushSettings:
    """Mail that somebody else's server hands in over HTTP, as it came (raw MIME)."""

    secret: str = field(repr=False)
    """Shared with it: at least 16 characters."""
    window: float = 300.0
    """Seconds that a signature's time may differ from ours."""


DEFAULT_LIMITS: Final = MailLimits()
