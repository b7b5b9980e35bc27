"""News: what a commit tells the rest of this process, and the other processes, once it is through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from channels.protocol import HistoryEntry
from gateway.claims import TurnClaimed
from storage.commits import Counted
from storage.outbox import OutboxFilled
from storage.touched import Touched


@dataclass(frozen=True, kw_only=True, slots=True)
class LanesWaiting:
    """Messages wait in a Lane that nobody holds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Streamed:
    """Messages were committed to an address's stream."""

    channel: str
    uri: str
    entry: HistoryEntry


@dataclass(frozen=True, kw_only=True, slots=True)
class FollowUpPlanned:
    """A Follow-up is due soon: `seconds` from the transaction's time."""

    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What one process says to the others, without anything being stored."""

    what: Mapping[str, Any]
    """JSON, by who listens for it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MediaWanted:
    """Attachments wait to be fetched from their provider."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Acknowledged:
    """Clients of ours took what they were sent. Which Conversations that touches is looked up only where one of them
    is looked at: on a stream there is one for every word of ours."""

    channel: str
    external_ids: Sequence[str]
    """Of Deliveries."""


News = (
    TurnClaimed
    | LanesWaiting
    | OutboxFilled
    | Streamed
    | FollowUpPlanned
    | MediaWanted
    | Acknowledged
    | Touched
    | Told
    | Counted
)
