"""Customers on channels of several kinds, whose provider is the test: chat, mail and text messages."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from channels.envelope import Attachment, Event, InboundMessage
from channels.protocol import Limits, Weight
from channels.sms.channel import Sms
from channels.sms.providers import PROVIDERS
from channels.sms.settings import Prices, SmsSettings
from desk import conversations
from storage.conversations import Conversation
from tests.clock import FrozenClock
from tests.gateway.desk_house import Letters
from tests.web.console.people import Console, open_console

CHAT = Limits(text=400, per_second=1000, per_address=1000, markup=True, file_bytes=1_000_000)
MAIL = Limits(text=100_000, per_second=1000, per_address=1000, markup=True, file_bytes=1_000_000)
SMS = Limits(text=1530, per_second=1000, per_address=1000, keywords=True)
_PRICED = SmsSettings(provider="twilio", prices=Prices(currency="CNY", per_segment={"*": Decimal("0.05")}))


class Channel(Letters):
    """One with a scheme of its own, and messages as a test wants them."""

    def __init__(self, name: str, scheme: str, limits: Limits) -> None:
        super().__init__(name)
        self.scheme = scheme
        self.limits = limits

    async def bring(
        self,
        text: str,
        *,
        sender: str,
        clock: FrozenClock,
        name: str | None = None,
        attachments: Sequence[Attachment] = (),
        **fields: Any,
    ) -> int:
        """A customer writes; returns the Interaction."""
        self._count += 1
        message = InboundMessage(
            channel=self.name,
            event=Event.MESSAGE,
            external_id=f"{self.name}-{self._count}",
            address=f"{self.scheme}:{sender}",
            sent_at=clock.now(),
            raw=fields.pop("raw", text.encode()),
            text=text,
            name=name,
            attachments=tuple(attachments),
            **fields,
        )
        (accepted,) = await self.port.accept([message])
        assert accepted.interaction_id is not None
        return accepted.interaction_id


class Texts(Channel):
    """Text messages, weighed as the real channel weighs them."""

    def weigh(self, text: str, address: str) -> Weight:
        return Sms(_PRICED, PROVIDERS["twilio"](_PRICED)).weigh(text, address)


def channels() -> tuple[Channel, Channel, Texts]:
    return Channel("webchat", "webchat", CHAT), Channel("mail", "mailto", MAIL), Texts("sms", "tel", SMS)


@asynccontextmanager
async def open_talks(
    url: str, folder: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Console]:
    """A console whose customers come by chat, mail and text message."""
    async with open_console(url, folder, clock, monkeypatch, *channels()) as console:
        yield console


def channel(console: Console, name: str) -> Channel:
    found = next(each for each in console.house.channels if each.name == name)
    assert isinstance(found, Channel)
    return found


async def talk_with(console: Console, where: str, text: str, *, by: str | None = None, **more: Any) -> int:
    """A customer writes, is handed over, and `by` has the conversation; its number."""
    house = console.house
    house.hears.intent = "human_request"
    more.setdefault("sender", {"mail": "ann@example.org", "sms": "+442071838750"}.get(where, "ann"))
    await channel(console, where).bring(text, clock=house.clock, **more)
    await house.gateway.settle()
    await house.later(1)
    number = max(row["id"] for row in house.rows(Conversation))
    if by is not None:
        await house.do(conversations.take, conversation=number, by=by)
    return number
