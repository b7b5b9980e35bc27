"""A provider's news in our words: what it means for the Delivery, for the address and for consent."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from channels.cleaning import clean
from channels.envelope import AddressUpdate, Arrival, ConsentUpdate, DeliveryStatus, DeliveryUpdate
from channels.mail.fields import path
from channels.mail.providers.refusals import plain_address
from channels.mail.providers.seam import MailEvent, Occurrence, Reason

_LONGEST_REASON: Final = 500
"""Characters: a server's answer can be a page."""


def news(
    event: MailEvent, *, channel: str, raw: bytes, now: datetime, wrote: Callable[[str], bool]
) -> Sequence[Arrival]:
    """What an event says about something that we sent; nothing where it says nothing that counts.

    `wrote` knows the Message-IDs that are ours: some providers give a mail another one, and then the news is about the
    newest mail to that address. What a provider calls a subscription grants nothing: it only opens the address again.
    """
    told = _Told(event=event, channel=channel, raw=raw, at=event.at or now, wrote=wrote)
    match event.occurrence:
        case Occurrence.QUEUED | Occurrence.SENT | Occurrence.DEFERRED:
            # Deferred, the provider goes on trying: to us the mail is on its way, and must not be sent again.
            return told.delivery(DeliveryStatus.SENT)
        case Occurrence.DELIVERED | Occurrence.AUTORESPONDED:
            return told.delivery(DeliveryStatus.DELIVERED)
        case Occurrence.OPENED | Occurrence.CLICKED:
            return told.delivery(DeliveryStatus.DELIVERED if event.machine else DeliveryStatus.READ)
        case Occurrence.BOUNCED:
            status = DeliveryStatus.RETRYING if _may_pass(event) else DeliveryStatus.FAILED
            return [*told.delivery(status), *told.closed(), *told.withdrawal()]
        case Occurrence.REJECTED | Occurrence.FAILED:
            return [*told.delivery(DeliveryStatus.FAILED), *told.closed(), *told.withdrawal()]
        case Occurrence.COMPLAINED | Occurrence.UNSUBSCRIBED:
            return told.withdrawal()
        case Occurrence.SUBSCRIBED:
            return told.opened()
        case Occurrence.RECEIVED | Occurrence.RECEIVING_FAILED | Occurrence.CONFIRMATION | Occurrence.UNKNOWN:
            return []


_WITHDRAWN: Final = {Reason.SPAM: "complaint", Reason.UNSUBSCRIBED: "provider"}
"""A refusal for what the person told the provider before. A bounce for spam is a filter's opinion, not the person's."""
_PASSING: Final = frozenset({Reason.BOUNCED, Reason.TIMED_OUT, None})
"""Reasons for which another try makes sense, while the address is there."""


def _may_pass(event: MailEvent) -> bool:
    """A soft bounce, and not one for what the mail is: that would be refused again."""
    return event.gone is False and event.reason in _PASSING


@dataclass(frozen=True, kw_only=True, slots=True)
class _Told:
    """An event about a mail to one person."""

    event: MailEvent
    channel: str
    raw: bytes
    at: datetime
    wrote: Callable[[str], bool]

    def delivery(self, status: DeliveryStatus) -> list[Arrival]:
        ours = (self.event.ours or "").strip("<> ")
        known = bool(ours) and self.wrote(ours)
        if self.address is None and not known:
            return []
        return [
            DeliveryUpdate(
                channel=self.channel,
                external_id=ours if known else "",
                status=status,
                at=self.at,
                raw=self.raw,
                reason=self.reason,
                address=self.address,
            )
        ]

    def closed(self) -> list[Arrival]:
        """Nobody is there any more: a bounce for good, or the provider's memory of one."""
        remembered = self.event.occurrence is Occurrence.REJECTED and self.event.reason in _NOBODY
        return self._reachable(False) if self.event.gone or remembered else []

    def opened(self) -> list[Arrival]:
        return self._reachable(True)

    def withdrawal(self) -> list[Arrival]:
        source = _SOURCES.get(self.event.occurrence)
        if source is None and self.event.occurrence is Occurrence.REJECTED and self.event.reason is not None:
            source = _WITHDRAWN.get(self.event.reason)
        elif source is None and self.event.reason is Reason.UNSUBSCRIBED:
            source = "provider"
        if source is None or self.address is None:
            return []
        return [
            ConsentUpdate(
                channel=self.channel,
                address=self.address,
                granted=False,
                source=source,
                at=self.at,
                raw=self.raw,
                external_id=event_key(self.event, self.address),
            )
        ]

    @property
    def address(self) -> str | None:
        plain = plain_address(self.event.recipient)
        found = path(plain) if plain else None
        return f"mailto:{found.text}" if found else None

    @property
    def reason(self) -> str | None:
        """In the receiving server's words, or else the provider's."""
        said = self.event.answer or self.event.description
        words = [str(self.event.occurrence), *([str(self.event.reason)] if self.event.reason else [])]
        told = ": ".join([*dict.fromkeys(words), *([clean(said).strip()] if said else [])])
        return told[:_LONGEST_REASON] if self.event.occurrence in _EXPLAINED else None

    def _reachable(self, reachable: bool) -> list[Arrival]:
        if self.address is None:
            return []
        return [
            AddressUpdate(
                channel=self.channel,
                address=self.address,
                reachable=reachable,
                reason=self.reason or str(self.event.occurrence),
                at=self.at,
                raw=self.raw,
                external_id=event_key(self.event, self.address),
            )
        ]


_NOBODY: Final = frozenset({Reason.INVALID, Reason.BOUNCED})
_SOURCES: Final = {Occurrence.COMPLAINED: "complaint", Occurrence.UNSUBSCRIBED: "provider"}
_EXPLAINED: Final = frozenset({Occurrence.DEFERRED, Occurrence.BOUNCED, Occurrence.REJECTED, Occurrence.FAILED})
"""What happened there needs a reason."""


def event_key(event: MailEvent, recipient: str) -> str:
    """What makes this event itself: the same however often the provider repeats it, in whatever bundle."""
    if event.id:
        return f"{event.occurrence}:{event.id}:{recipient}"
    facts = (event.occurrence, event.message_id, recipient, event.at and event.at.isoformat(), event.url, event.reason)
    return hashlib.sha256(repr(facts).encode("utf-8", "replace")).hexdigest()
