"""The seam between the gateway and a channel: what an adapter must be, may be, and is given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Protocol, runtime_checkable

from aiohttp import web

from channels.envelope import Arrival, Attachment, Button, DeliveryStatus, InboundMessage, OutboundMessage, Receipt


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What a channel can carry, and how fast."""

    text: int
    """Characters a message; longer texts are split by the adapter."""
    per_second: float
    """Messages a second over the whole channel."""
    per_address: float
    """Messages a second to one address."""
    burst: int = 1
    """Messages that may leave at once to one address before `per_address` counts."""
    buttons: int = 0
    """Quick replies a message; 0: the gateway writes them as a numbered list."""
    concurrency: int = 16
    """Sends on the wire at once."""
    idempotent: bool = False
    """The provider takes our key and drops repeats: a lost answer may then be retried."""
    keywords: bool = False
    """People steer by single words here: STOP, T or HELP as the whole message is meant as such (SMS)."""
    pictures: bool = False
    """It shows a picture of ours by its web address: an image Attachment whose `id` is that."""
    custom: bool = False
    """It hands `custom`, what only the business's own page or app understands, to them."""
    markup: bool = False
    """It shows what is emphasised (`channels.markup`), and names for links."""
    file_bytes: int = 0
    """Of all files that go along with a message; 0: it carries none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """What became of one Arrival, after its commit."""

    interaction_id: int | None
    duplicate: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class HistoryEntry:
    """One message of an address's stream, in either direction."""

    id: int
    """Position in the stream: grows, unique over all addresses."""
    inbound: bool
    author: str
    """`customer`, `bot`, or `agent`."""
    author_name: str | None
    text: str
    at: datetime
    external_id: str | None
    """Of an inbound one: what the adapter gave as `external_id`."""
    status: DeliveryStatus | None
    """Of an outbound one."""
    buttons: tuple[Button, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    custom: Mapping[str, object] | None = None
    """JSON that only the business's own page or app understands."""
    markup: str | None = None
    """As in an OutboundMessage."""

    @classmethod
    def received(cls, position: int, message: InboundMessage) -> HistoryEntry:
        """A customer's own message."""
        return cls(
            id=position,
            inbound=True,
            author="customer",
            author_name=message.name,
            text=message.text,
            at=message.sent_at,
            external_id=message.external_id,
            status=None,
            attachments=message.attachments,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Blob:
    """Content that is kept on disk under its hash, outside the web root."""

    sha256: str
    size: int
    content_type: str
    path: Path


class Port(Protocol):
    """What the gateway gives an adapter: the only way from a channel into the house."""

    async def accept(self, batch: Sequence[Arrival], *, cursor: str | None = None) -> Sequence[Accepted]:
        """Store everything in one commit, in order, and return after it: only then may the adapter acknowledge.

        `cursor` commits with the batch (Telegram's next `offset`, a mailbox's UID). Raises StorageUnavailable
        when nothing was stored; the adapter then answers so that the provider repeats (503, no moved offset).
        """
        ...

    async def cursor(self) -> str | None:
        """The cursor of this channel's last committed batch."""
        ...

    async def history(
        self, address: str, *, after: int = 0, before: int | None = None, limit: int = 50
    ) -> Sequence[HistoryEntry]:
        """The address's stream in order of id: entries after `after` (and those sent but never delivered), or, with
        `before`, the last `limit` before it."""
        ...

    async def keep(self, content: bytes, *, content_type: str) -> Blob:
        """Store content under its hash, on disk before this returns; keeping the same content again changes nothing."""
        ...

    async def blob(self, sha256: str) -> Blob | None:
        """Find kept content."""
        ...

    def typing(self, address: str) -> None:
        """The customer is typing: a hint for agents, never stored."""
        ...


class StorageUnavailable(Exception):
    """The database did not take the batch; nothing was stored, and the provider should repeat it."""


class Channel(Protocol):
    """A configured way in and out."""

    name: str
    limits: Limits

    def routes(self) -> Sequence[web.RouteDef]:
        """HTTP routes that this channel needs (webhooks, sockets); mounted as they are."""
        ...

    async def start(self, port: Port) -> None:
        """Get ready; returns at once. Background work belongs to `stop`."""
        ...

    async def stop(self) -> None:
        """Let go of connections and tasks; what was accepted is safe."""
        ...

    async def send(self, message: OutboundMessage) -> Receipt:
        """Hand one message to the provider. Raises SendError, and nothing else."""
        ...


@runtime_checkable
class Polls(Protocol):
    """A channel that fetches its messages. `poll` runs in the one process that holds the channel's lease."""

    async def poll(self) -> None:
        """Fetch until cancelled, handing every batch to the port with its cursor."""
        ...


@runtime_checkable
class Streams(Protocol):
    """A channel whose messages wait in our own database until the client takes them: committed is sent."""

    def published(self, entries: Mapping[str, Sequence[HistoryEntry]]) -> None:
        """These entries were just committed to these addresses' streams: push them to the clients connected here."""
        ...

    def connected(self) -> Iterable[str]:
        """Addresses with a client connected to this process."""
        ...


@runtime_checkable
class Schemed(Protocol):
    """A channel that is not called like the scheme of its addresses: there may be several of its kind."""

    scheme: str
    """`mailto`, `tel`."""


@runtime_checkable
class Threads(Protocol):
    """A channel whose messages belong together by what they answer: mail."""

    window: timedelta
    """How long a message of the same sender that names nothing still belongs to the newest conversation."""


@runtime_checkable
class Measures(Protocol):
    """A channel that counts and bills its messages in units of its own: segments on SMS."""

    def units(self, message: OutboundMessage) -> int:
        """How many units it will be; `limits.per_second` and `per_address` count these."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Weight:
    """What a text will cost on its way."""

    encoding: str
    """What it travels as: `GSM-7`, `UCS-2`."""
    characters: int
    """As a person counts them."""
    units: int
    """What is billed: segments."""
    room: int
    """Signs that still fit the last unit."""
    forced_by: tuple[str, ...] = ()
    """The signs that make it dearer, each once."""
    cost: Decimal | None = None
    """Of all units; None: nobody said what one costs."""
    currency: str | None = None
    """ISO 4217."""


@runtime_checkable
class Weighs(Protocol):
    """A channel where each sign counts: SMS."""

    def weigh(self, text: str, address: str) -> Weight:
        """What this text to this address will be."""
        ...


@runtime_checkable
class Typing(Protocol):
    """A channel that can show that we are writing."""

    async def typing(self, address: str) -> None:
        """Show it now; failures are ignored by nature."""
        ...


@runtime_checkable
class Media(Protocol):
    """A channel whose attachments must be fetched from the provider."""

    async def fetch(self, attachment: Attachment) -> bytes:
        """The content of an attachment by the provider's handle. Raises SendError."""
        ...


@runtime_checkable
class Edits(Protocol):
    """A channel where a sent message can be changed."""

    async def edit(self, external_id: str, message: OutboundMessage) -> None:
        """Replace the text and buttons of a sent message. Raises SendError."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Invitation:
    """Where somebody can go on as the same person: each page carries a code that counts once."""

    links: Mapping[str, str]
    """Pages by the name of the channel they lead to."""
    expires_at: datetime


@runtime_checkable
class Invites(Protocol):
    """A channel that a link leads into, with a code that comes back as `InboundMessage.start_parameter`."""

    async def invitation(self, code: str) -> str:
        """The page that brings this code (letters, digits, `_`, `-`; at most 64). Raises SendError."""
        ...


@runtime_checkable
class GivesInvitations(Protocol):
    """A port that can invite its people to other channels."""

    def leads_to(self) -> Sequence[str]:
        """Names of the channels that `invite` can lead to; empty: there are none."""
        ...

    async def invite(self, address: str) -> Invitation | None:
        """Invite the Contact at an address; None: nobody has written from it, or there is no other channel to go to.

        An invitation that was not used ends with the next one. Raises StorageUnavailable.
        """
        ...


@runtime_checkable
class Probes(Protocol):
    """A channel whose credentials can be tried: what `rapport check` calls."""

    async def probe(self) -> str:
        """Who we are there, e.g. `@shop_bot`. Raises SendError."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Inspection:
    """What `rapport inspect` prints for one raw payload: an Arrival, or why there is none."""

    arrivals: tuple[Arrival, ...] = ()
    ignored: str | None = None
    """Understood, and deliberately not taken: the reason."""
    error: str | None = None
    """Not understood: the reason."""
    notes: Mapping[str, str] = field(default_factory=dict[str, str])
