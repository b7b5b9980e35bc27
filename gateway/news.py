"""News: what a commit tells the rest of this process, and the other processes, once it is through."""

from __future__ import annotations

from dataclasses import dataclass

from channels.protocol import HistoryEntry
from gateway.claims import TurnClaimed
from storage.commits import Counted
from storage.outbox import OutboxFilled


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
class MediaWanted:
    """Attachments wait to be fetched from their provider."""


News = TurnClaimed | LanesWaiting | OutboxFilled | Streamed | FollowUpPlanned | MediaWanted | Counted
