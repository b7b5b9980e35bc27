"""Between a frame and the gateway: what a visitor's client says is checked, turned into the envelope, handed over."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Protocol, assert_never

from channels.envelope import (
    Attachment,
    DeliveryStatus,
    DeliveryUpdate,
    Event,
    InboundMessage,
    Refusal,
)
from channels.protocol import Accepted, GivesInvitations, HistoryEntry, Port
from channels.webchat.frames import (
    PONG,
    ClientFrame,
    Delivered,
    Earlier,
    ErrorCode,
    Hello,
    Ping,
    Press,
    Refused,
    Typing,
    Write,
    accepted,
    error,
    external_id,
    history,
    parse,
    welcome,
)
from channels.webchat.identity import Signer, Visitor
from channels.webchat.intake import Intake
from channels.webchat.rates import Allowance
from channels.webchat.request import Oversize
from channels.webchat.sentences import sentence
from channels.webchat.settings import Rate, WebChatSettings
from channels.webchat.stream import Registry, newest_page

RETRY_SECONDS = 2.0
"""When to send again what could not be stored."""
TYPING_RATE = Rate(per_second=0.5, burst=1)


class Guest(Protocol):
    """A visitor on the line: a socket, or one request of the long-poll fallback."""

    visitor: Visitor
    language: str | None
    client: str
    """The client address that rates count."""
    headers: Mapping[str, str]
    """Kept with a refusal."""
    pending: set[str]
    """External ids handed over and not settled yet."""

    def reply(self, frame: bytes) -> None:
        """Send it now; what cannot be sent is dropped, the client will resume."""
        ...

    async def send(self, frame: bytes) -> None:
        """Send something large, waiting for a slow client to take it."""
        ...

    def settle(self, external_id: str, position: int | None) -> None:
        """The message is stored (or, with None, it is not known where)."""
        ...

    def fail(self) -> None:
        """Nothing was stored: what comes after must not overtake it."""
        ...

    def tire(self) -> None:
        """The guest went on after being told to wait."""
        ...

    def arrived(self, positions: Sequence[int]) -> Sequence[int]:
        """Those of the positions that may be acknowledged."""
        ...


class Reception:
    """Takes frames of all guests."""

    def __init__(
        self,
        settings: WebChatSettings,
        signer: Signer,
        registry: Registry,
        *,
        port: Port,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self.settings = settings
        self.signer = signer
        self.registry = registry
        self.port = port
        self.intake = Intake(port)
        self.clock = clock
        self.monotonic = monotonic
        self.visits = Allowance(settings.visit_rate)
        self._visitors = Allowance(settings.visitor_rate)
        self._clients = Allowance(settings.client_rate)
        self._typing = Allowance(TYPING_RATE)

    def take(self, guest: Guest, raw: bytes) -> Earlier | None:
        """One frame. Answers go to the guest; a wish for earlier messages comes back, because it has to be awaited."""
        try:
            frame = parse(raw)
            if not isinstance(frame, Delivered):
                self.spend(guest.visitor, guest.client, client_id=_id_of(frame))
            return self._handle(guest, frame, raw)
        except Refused as refused:
            self._refuse(guest, refused, raw)
            return None

    def spend(self, visitor: Visitor, client: str, *, cost: float = 1, client_id: str | None = None) -> None:
        """Count something against visitor and client address. Raises Refused(too_many)."""
        now = self.monotonic()
        wait = self._visitors.take(visitor.id, now, cost) or self._clients.take(client, now, cost)
        if wait:
            raise Refused(ErrorCode.TOO_MANY, client_id=client_id, retry_after=wait)

    def spend_connection(self, client: str) -> None:
        """Count a connection, before anybody knows whose it is. Raises Refused(too_many)."""
        if wait := self._clients.take(client, self.monotonic()):
            raise Refused(ErrorCode.TOO_MANY, retry_after=wait)

    def _handle(self, guest: Guest, frame: ClientFrame, raw: bytes) -> Earlier | None:
        match frame:
            case Write() | Press():
                self._hand_in(guest, frame, raw)
            case Delivered():
                self._acknowledge(guest, frame)
            case Earlier():
                return frame
            case Typing():
                if not self._typing.take(guest.visitor.id, self.monotonic()):
                    self.port.typing(guest.visitor.address)
            case Ping():
                guest.reply(PONG)
            case Hello():
                raise Refused(ErrorCode.BAD_FRAME)  # said once, at the door
            case _:
                assert_never(frame)
        return None

    def _hand_in(self, guest: Guest, frame: Write | Press, raw: bytes) -> None:
        inbound = self._to_inbound(guest, frame, raw)
        guest.pending.add(inbound.external_id)
        self.intake.submit(inbound, partial(self._settled, guest, inbound, frame.id))

    def _to_inbound(self, guest: Guest, frame: Write | Press, raw: bytes) -> InboundMessage:
        visitor = guest.visitor
        own = external_id(visitor.id, frame.id)
        event, text, reply_to, attachments, start = _content(frame)
        if len(text) > self.settings.text_limit:
            raise Refused(ErrorCode.TOO_LONG, client_id=frame.id)
        if len(attachments) > self.settings.attachments_limit:
            raise Refused(ErrorCode.BAD_ATTACHMENT, client_id=frame.id)
        return InboundMessage(
            channel=self.settings.name,
            event=event,
            external_id=own,
            message_id=own,
            address=visitor.address,
            sent_at=self.clock(),
            raw=raw,
            text=text,
            name=visitor.name,
            language=guest.language,
            reply_to=None if reply_to is None else str(reply_to),
            attachments=self._attachments(visitor, attachments, frame.id) if attachments else (),
            start_parameter=start,
            proven=visitor.proven,
        )

    def _attachments(self, visitor: Visitor, references: Sequence[str], client_id: str) -> tuple[Attachment, ...]:
        try:
            return tuple(self.signer.attachment(visitor, reference) for reference in references)
        except Refused as refused:
            raise Refused(refused.code, client_id=client_id) from refused

    def _settled(self, guest: Guest, inbound: InboundMessage, client_id: str, outcome: Accepted | None) -> None:
        guest.pending.discard(inbound.external_id)
        if outcome is None:
            self._fail(guest, client_id)
            return
        guest.reply(accepted(client_id, outcome.interaction_id))
        guest.settle(inbound.external_id, outcome.interaction_id)
        if outcome.interaction_id is not None and not outcome.duplicate:
            self._show_other_tabs(guest, inbound, outcome.interaction_id)

    def _fail(self, guest: Guest, client_id: str | None) -> None:
        self._say(guest, Refused(ErrorCode.UNAVAILABLE, client_id=client_id, retry_after=RETRY_SECONDS))
        guest.fail()

    def _show_other_tabs(self, guest: Guest, inbound: InboundMessage, position: int) -> None:
        if not self.registry.others(inbound.address, guest):
            return
        entry = HistoryEntry.received(position, inbound)
        self.registry.publish({inbound.address: [entry]}, self.now())

    def _acknowledge(self, guest: Guest, frame: Delivered) -> None:
        """Lost when the storage is away: the message is sent again at the next resume, and acknowledged again."""
        for position in guest.arrived(frame.positions):
            self.intake.submit(
                DeliveryUpdate(
                    channel=self.settings.name,
                    external_id=str(position),
                    status=DeliveryStatus.DELIVERED,
                    at=self.clock(),
                    raw=b"",  # our own protocol: there is nothing in the frame that is not in these fields
                    address=guest.visitor.address,
                )
            )

    async def page(self, guest: Guest, wish: Earlier) -> None:
        """Answer `earlier`. Raises StorageUnavailable."""
        entries, more = await newest_page(
            self.port, guest.visitor.address, self.settings.history_page, before=wish.before
        )
        await guest.send(history(entries, earlier=more, link=self.registry.linker(self.now())))

    def _refuse(self, guest: Guest, refused: Refused, raw: bytes) -> None:
        if refused.code is ErrorCode.TOO_LONG:
            self._refuse_on_record(guest, refused, raw)
            return
        self._say(guest, refused)
        if refused.code is ErrorCode.TOO_MANY:
            guest.tire()

    def _refuse_on_record(self, guest: Guest, refused: Refused, raw: bytes) -> None:
        """The customer hears of it when it is recorded, as they hear of a message when it is stored."""
        sha256 = hashlib.sha256(raw).hexdigest()
        guest.pending.add(sha256)

        def settled(outcome: Accepted | None) -> None:
            guest.pending.discard(sha256)
            if outcome is None:
                self._fail(guest, refused.client_id)
                return
            self._say(guest, refused)
            guest.settle(sha256, None)

        self.intake.submit(self._refusal(refused.code, len(raw), sha256, guest.headers, guest.visitor), settled)

    def _say(self, guest: Guest, refused: Refused) -> None:
        guest.reply(error(refused, sentence(refused.code, guest.language)))

    async def record_oversize(self, body: Oversize, headers: Mapping[str, str], visitor: Visitor | None) -> None:
        """Keep that a body was too large; returns after the commit. Raises StorageUnavailable."""
        await self.port.accept([self._refusal(ErrorCode.TOO_LARGE, body.size, body.sha256, headers, visitor)])

    def note_oversize_frame(self, guest: Guest) -> None:
        """Keep that a frame was too large. No hash, no waiting: aiohttp has closed on its header, unread.

        The client was promised nothing, so that a crash before this commit loses a note and no message.
        """
        size = self.settings.frame_limit
        self.intake.submit(self._refusal(ErrorCode.TOO_LARGE, size, "", guest.headers, guest.visitor))

    def _refusal(
        self, code: ErrorCode, size: int, sha256: str, headers: Mapping[str, str], visitor: Visitor | None
    ) -> Refusal:
        return Refusal(
            channel=self.settings.name,
            reason=code.value,
            size=size,
            sha256=sha256,
            at=self.clock(),
            headers={**headers, "Visitor": visitor.address} if visitor else headers,
        )

    def welcome(self, visitor: Visitor, *, earlier: bool | None) -> bytes:
        """Greets a visitor, with a fresh token where theirs is getting old."""
        settings, now = self.settings, self.now()
        ageing = self.signer.is_ageing(visitor, now)
        return welcome(
            visitor=visitor.id,
            token=self.signer.issue(replace(visitor, issued_at=int(now))) if ageing else None,
            earlier=earlier,
            text_limit=settings.text_limit,
            upload_limit=settings.upload_limit,
            types=settings.upload_types,
            links=self.port.leads_to() if isinstance(self.port, GivesInvitations) else (),
        )

    def now(self) -> float:
        """Unix seconds."""
        return self.clock().timestamp()


def _content(frame: Write | Press) -> tuple[Event, str, int | None, tuple[str, ...], str | None]:
    if isinstance(frame, Press):
        return Event.CALLBACK, frame.value, frame.position, (), None
    return Event.MESSAGE, frame.text, frame.reply_to, frame.attachments, frame.start


def _id_of(frame: ClientFrame) -> str | None:
    return frame.id if isinstance(frame, Write | Press) else None
