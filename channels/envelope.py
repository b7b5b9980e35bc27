"""The envelope: what every adapter emits and accepts, free of row ids and of any provider's types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class Event(StrEnum):
    """What a provider told us happened."""

    MESSAGE = "message"  # a person wrote
    EDIT = "edit"  # a person changed what they wrote before
    CALLBACK = "callback"  # a person pressed a button that we sent
    RECEIPT = "receipt"  # news about something that we sent


class AttachmentKind(StrEnum):
    """What an attachment is to a person."""

    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    FILE = "file"
    STICKER = "sticker"
    LOCATION = "location"
    CONTACT = "contact"


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """A thing that travels with a message.

    `id` is the provider's handle (Telegram's `file_id`) until the gateway has fetched the content, then the
    blob's SHA-256 in hexadecimal; a picture of ours on a channel with `Limits.pictures` may also be named by its web
    address. Locations and contacts carry their facts in `data` and have no content.
    """

    kind: AttachmentKind
    id: str
    name: str | None = None
    content_type: str | None = None
    size: int | None = None
    """Bytes, as the provider states them."""
    data: Mapping[str, str | float] = field(default_factory=dict[str, str | float])


@dataclass(frozen=True, kw_only=True, slots=True)
class Button:
    """A quick reply. Pressing it sends `value` back to us; with `url`, it opens a page instead."""

    label: str
    value: str
    url: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """Where a text belongs in a longer one that the network cut (concatenated SMS, 3GPP TS 23.040, 9.2.3.24.1)."""

    group: str
    """The same for all parts of one text from one address."""
    number: int
    """From 1."""
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class InboundMessage:
    """One event from a customer, normalised. The raw payload rides along and is kept."""

    channel: str
    """Name of the configured channel, e.g. `telegram`, `webchat`."""
    event: Event
    external_id: str
    """The provider's identity of this *event*; with `channel` the key against duplicates."""
    address: str
    """Scheme and path, e.g. `telegram:4242`, `webchat:9f2c…`."""
    sent_at: datetime
    """When the provider says it was written (UTC)."""
    raw: bytes
    text: str = ""
    name: str | None = None
    """How the provider calls the person."""
    language: str | None = None
    """The provider's hint (IETF tag), not our finding."""
    message_id: str | None = None
    """The provider's identity of the *message*, which replies and edits refer to."""
    reply_to: str | None = None
    """`message_id` of the message this one answers."""
    edits: str | None = None
    """With Event.EDIT: `message_id` of the message that was changed."""
    attachments: tuple[Attachment, ...] = ()
    start_parameter: str | None = None
    """What a deep link carried (`/start <parameter>` on Telegram, a signed token on web chat)."""
    proven: tuple[str, ...] = ()
    """Other addresses of the person that the channel vouches for: `mailto:…`, `tel:+…`, and `customer:<number>` for
    the business's own customer number (web chat: signed by the business's backend)."""
    thread: str | None = None
    """Separates conversations on channels that have threads (mail). None: one conversation an address, or, on a
    channel that `Threads`, the one that the gateway finds by `references`."""
    references: tuple[str, ...] = ()
    """`message_id` of the messages this one answers, the nearest first."""
    subject: str | None = None
    """Of a mail."""
    automatic: str | None = None
    """No person wrote this now (an out-of-office note, a list's mail, our own mail come back): the reason. It is kept
    in the timeline and never answered."""
    fingerprint: str | None = None
    """A second key against duplicates, where the event's identity can change under us (a mailbox that was rebuilt):
    of the message's own identity and content together, so that a forged identity swallows nothing."""
    whole_text: str | None = None
    """All of a mail's text, where `text` is only what the person wrote now."""
    matter: str | None = None
    """What of `text` is to be understood, where that is less: a mail's without salutation, closing and name."""
    raw_blob: str | None = None
    """SHA-256 of the kept blob that is the payload, where that is too large for a row; `raw` is then its beginning."""
    part: Part | None = None
    """This is one of several parts of a long text; the gateway waits for the others and joins them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Quoted:
    """An earlier message, repeated below its answer."""

    author: str
    at: datetime
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class OutboundMessage:
    """One message to one address, ready to be sent."""

    channel: str
    address: str
    text: str
    key: str
    """Ours, unique and stable over retries: the idempotency key where a provider takes one."""
    buttons: tuple[Button, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    reply_to: str | None = None
    """`message_id` of the customer's message that this answers."""
    language: str = "en"
    thread: str | None = None
    """The `thread` of the conversation this belongs to: on Telegram the business connection it must leave through."""
    sent: tuple[str, ...] = ()
    """External ids of the parts that left in all earlier tries, from their SendErrors: they are not sent again."""
    subject: str | None = None
    """Of a mail, as it shall stand: an answer's begins with `Re:` already. None: the thread has none."""
    references: tuple[str, ...] = ()
    """`message_id` of the thread's messages, the oldest first, ending with `reply_to`."""
    quoted: Quoted | None = None
    """What this answers, on channels where people expect to see it below."""
    marketing: bool = False
    """Carries an offer: on mail it needs its way out (RFC 8058)."""
    automatic: bool = True
    """No person wrote it (RFC 3834, `Auto-Submitted`)."""
    custom: Mapping[str, object] | None = None
    """JSON that only the business's own page or app understands, on channels with `Limits.custom`."""
    markup: str | None = None
    """`text` as it was written, with what is emphasised in it (`channels.markup`); None: nothing is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """The provider's immediate answer to a send: it took the message."""

    external_ids: tuple[str, ...]
    """The provider's ids, one for each part that left in this try: a long text is split into several."""
    units: int = 1
    """What the provider counts and bills: segments on SMS."""
    cost: Decimal | None = None
    """Of all units, by the prices in the settings."""
    currency: str | None = None
    """ISO 4217."""


class DeliveryStatus(StrEnum):
    """Where a Delivery stands; `storage.deliveries` keeps the books in these words."""

    QUEUED = "queued"  # planned, or waiting for its turn
    RETRYING = "retrying"  # failed in a way that allows another try; `due_at` says when
    SENDING = "sending"  # claimed and on the wire: counts as left
    SENT = "sent"  # the provider took it (web chat: committed to the visitor's stream)
    DELIVERED = "delivered"  # it reached the person's device
    READ = "read"  # the person saw it
    FAILED = "failed"  # it will not arrive, and we know why
    SKIPPED = "skipped"  # we decided not to send it, and say why
    UNKNOWN = "unknown"  # the answer was lost: it may have arrived, and is never blindly repeated


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryUpdate:
    """Later news from a provider about something that we sent."""

    channel: str
    external_id: str
    """The provider's id of the message we sent, from its Receipt."""
    status: DeliveryStatus
    at: datetime
    raw: bytes
    reason: str | None = None
    address: str | None = None
    """To whom it was sent; where `external_id` is empty, the news is about the newest that was."""
    units: int | None = None
    """As in the Receipt, where the provider says so only now."""
    cost: Decimal | None = None
    currency: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AddressUpdate:
    """News about an address as a whole, e.g. the person blocked our bot (or let us in again)."""

    channel: str
    address: str
    reachable: bool
    reason: str
    at: datetime
    raw: bytes
    external_id: str
    sent_as: str | None = None
    """The provider's id, from its Receipt, of a message of ours that this is about: where it is given, the word counts
    only if that went to this address. Anybody can write a bounce that names somebody else."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ConsentUpdate:
    """A word on marketing that did not come as a message: a one-click unsubscription (RFC 8058), a feedback-loop
    complaint (RFC 5965), an opt-out at the carrier."""

    channel: str
    address: str
    granted: bool
    source: str
    """`one-click`, `complaint`, `carrier`, `provider`."""
    at: datetime
    raw: bytes
    external_id: str
    sent_as: str | None = None
    """The provider's id, from its Receipt, of a message of ours that this is about: whom it went to is meant, also
    where `address` is another or, as some hide it, empty."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """An input that we did not take. Its hash, size, headers and reason are kept, its content is not."""

    channel: str
    reason: str
    size: int
    sha256: str
    at: datetime
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


Arrival = InboundMessage | DeliveryUpdate | AddressUpdate | ConsentUpdate | Refusal
"""Everything an adapter can hand to the gateway."""


class SendErrorCode(StrEnum):
    """The closed list of ways a send can fail. CONSEQUENCES says what each means for the Delivery."""

    RATE_LIMITED = "rate_limited"  # the provider asks us to wait (429)
    UNREACHABLE = "unreachable"  # nothing was written: refused, DNS, TLS
    PROVIDER_ERROR = "provider_error"  # the provider itself states an error (in its own words, no bare gateway page)
    NO_ANSWER = "no_answer"  # time-out or lost connection after writing, or a bare 502/503/504: the outcome is unknown
    BLOCKED = "blocked"  # the person blocked us (Telegram 403)
    BAD_ADDRESS = "bad_address"  # nobody is there
    REJECTED = "rejected"  # the provider refuses this content
    TOO_LARGE = "too_large"  # beyond the channel's limits even after splitting
    UNAUTHORIZED = "unauthorized"  # our credentials are wrong: every send on this channel will fail
    UNSUPPORTED = "unsupported"  # this channel cannot carry that kind of content


class Fault(StrEnum):
    """Whose fault a failure is: decides who is told."""

    PROVIDER = "provider"
    RECIPIENT = "recipient"
    OURS = "ours"
    NETWORK = "network"


@dataclass(frozen=True, kw_only=True, slots=True)
class Consequence:
    """What a SendErrorCode means for the Delivery."""

    retry: bool
    outcome_known: bool
    fault: Fault
    closes_address: bool = False
    """Nothing more is sent to the address until the person writes again."""


CONSEQUENCES: Mapping[SendErrorCode, Consequence] = {
    SendErrorCode.RATE_LIMITED: Consequence(retry=True, outcome_known=True, fault=Fault.PROVIDER),
    SendErrorCode.UNREACHABLE: Consequence(retry=True, outcome_known=True, fault=Fault.NETWORK),
    SendErrorCode.PROVIDER_ERROR: Consequence(retry=True, outcome_known=True, fault=Fault.PROVIDER),
    SendErrorCode.NO_ANSWER: Consequence(retry=False, outcome_known=False, fault=Fault.NETWORK),
    SendErrorCode.BLOCKED: Consequence(retry=False, outcome_known=True, fault=Fault.RECIPIENT, closes_address=True),
    SendErrorCode.BAD_ADDRESS: Consequence(retry=False, outcome_known=True, fault=Fault.RECIPIENT, closes_address=True),
    SendErrorCode.REJECTED: Consequence(retry=False, outcome_known=True, fault=Fault.OURS),
    SendErrorCode.TOO_LARGE: Consequence(retry=False, outcome_known=True, fault=Fault.OURS),
    SendErrorCode.UNAUTHORIZED: Consequence(retry=True, outcome_known=True, fault=Fault.OURS),
    SendErrorCode.UNSUPPORTED: Consequence(retry=False, outcome_known=True, fault=Fault.OURS),
}


class SendError(Exception):
    """A message could not be sent; `code` says in which of the known ways."""

    def __init__(
        self,
        code: SendErrorCode,
        detail: str,
        *,
        retry_after: float | None = None,
        whole_channel: bool = False,
        sent: tuple[str, ...] = (),
    ) -> None:
        """`detail` never holds credentials or message text; `retry_after` is in seconds, as the provider asked.

        `whole_channel`: the wait holds for every recipient of the channel, not for this address alone.
        `sent`: external ids of the parts that did leave in this try before it failed; a retry carries them, after
        those it had, in OutboundMessage.sent: so the parts still missing follow and none is repeated.
        """
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.retry_after = retry_after
        self.whole_channel = whole_channel
        self.sent = sent

    @property
    def consequence(self) -> Consequence:
        return CONSEQUENCES[self.code]
