"""The seam between our mailbox and the mail providers: what each of them tells by webhook, in one vocabulary.

A provider is one small file: what it calls things (module-level dicts), how it proves itself (`verify`), what it says
(`read`), and, where its webhook only points to a mail, how to fetch it (`fetch`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from channels.request import Request


class Occurrence(StrEnum):
    """What happened to a mail."""

    RECEIVED = "inbound"  # somebody wrote to us
    QUEUED = "queued"  # the provider took our mail
    SENT = "sent"  # the provider handed it on
    REJECTED = "rejected"  # the provider refused to send it
    FAILED = "failed"  # the provider could not send it, for a reason of its own
    BOUNCED = "bounced"  # the recipient's server refused it, for good or for now, and the provider gave up
    DEFERRED = "deferred"  # the provider goes on trying
    DELIVERED = "delivered"  # the recipient's server took it
    AUTORESPONDED = "autoresponded"  # a machine answered
    OPENED = "opened"
    CLICKED = "clicked"
    COMPLAINED = "complained"  # the recipient called it spam
    UNSUBSCRIBED = "unsubscribed"
    SUBSCRIBED = "subscribed"
    RECEIVING_FAILED = "inbound_failed"  # a mail to us did not get through
    CONFIRMATION = "confirmation"  # the provider asks whether these webhooks are wanted
    UNKNOWN = "unknown"


class Reason(StrEnum):
    """Why a mail was not delivered."""

    INVALID = "invalid"  # this is no address
    BOUNCED = "bounced"  # the recipient's server refused it, now or before
    TIMED_OUT = "timed_out"  # the recipient's server did not answer for too long
    BLOCKED = "blocked"  # a policy of the provider's or of the recipient's server
    SPAM = "spam"  # taken for spam, or the recipient complained before
    UNSUBSCRIBED = "unsubscribed"  # the recipient wants no mail from us
    OTHER = "other"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReceivedMail:
    """A mail to us, as the provider passes it on."""

    raw: bytes
    """RFC 5322: as it came, or put together again from what the provider made of it."""
    fetch_from: Mapping[str, str] = field(default_factory=dict[str, str])
    """What `Provider.fetch` needs; where there is any, `raw` is not the whole mail."""
    sender: str | None = None
    """Of the envelope (MAIL FROM)."""
    recipient: str | None = None
    """Of the envelope (RCPT TO)."""
    stripped: str | None = None
    """The provider's idea of what was written only now."""
    spam: bool | None = None
    """The provider's verdict."""
    spam_score: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MailEvent:
    """One thing that a provider tells."""

    occurrence: Occurrence
    id: str | None = None
    """The provider's id of this event: the same when it repeats itself."""
    message_id: str | None = None
    """The provider's id of the mail."""
    ours: str | None = None
    """The Message-ID that we gave the mail, where the provider tells it."""
    at: datetime | None = None
    """UTC; None: the provider does not say."""
    recipient: str | None = None
    reason: Reason | None = None
    gone: bool | None = None
    """Nothing can be delivered to the recipient any more: a hard bounce. None: not known."""
    answer: str | None = None
    """Of the recipient's server."""
    description: str | None = None
    """In the provider's words."""
    machine: bool = False
    """Opened or clicked by a proxy or scanner, which says nothing about a person."""
    url: str | None = None
    """That was clicked, or that confirms."""
    user_agent: str | None = None
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, object] = field(default_factory=dict[str, object])
    mail: ReceivedMail | None = None
    """With RECEIVED."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """What proves a webhook's caller, and opens what a webhook points to."""

    key: str = field(default="", repr=False)
    """The provider's signing secret, or its public key."""
    user: str = ""
    """Of HTTP Basic authentication, where the provider signs nothing: the URL given to it holds both."""
    password: str = field(default="", repr=False)
    api_key: str = field(default="", repr=False)
    """For fetching."""
    api_base: str | None = None
    """Of the provider's API; None: the provider's own."""
    public_url: str | None = None
    """The webhook's URL as the provider knows it, where that is what it signs."""
    topic: str = ""
    """Amazon SES: the only SNS topic whose notifications we take."""
    certificate: bytes = b""
    """Amazon SES: fetched from where the notification says, after that place was checked."""


class Forged(Exception):
    """This webhook does not come from the provider; the message says what is wrong with its proof."""


Get = Callable[[str, Mapping[str, str]], Awaitable[bytes]]
"""Fetch a URL with headers. Raises OSError where that is not possible now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Provider:
    """One mail provider."""

    name: str
    read: Callable[[Request], Sequence[MailEvent]]
    """Raises Unreadable."""
    verify: Callable[[Request, Credentials, datetime], None]
    """Raises Forged. The time is now: a signature that is too old is a replay."""
    proven_by: tuple[str, ...] = ("key",)
    """Names of Credentials of which one must be set for `verify` to let anybody in."""
    fetch: Callable[[ReceivedMail, Credentials, Get, datetime], Awaitable[bytes]] | None = None
    """The whole of a mail that a webhook only points to; a signature may need the time. Raises OSError, Unreadable."""
    certificate_url: Callable[[Request], str | None] | None = None
    """Where the certificate is that `verify` needs. Raises Forged for a place that is not the provider's."""
    tracing: Callable[[str], tuple[str, str]] | None = None
    """The header that makes the provider tell our Message-ID with each event, where it does not by itself."""
