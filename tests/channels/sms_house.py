"""A number's channel on a loopback server, as the world and the provider see it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from channels.sms.channel import Sms
from channels.sms.providers import PROVIDERS
from channels.sms.settings import SmsSettings
from tests.channels.telegram_port import RecordingPort
from tests.clock import FrozenClock


@dataclass(frozen=True, kw_only=True, slots=True)
class House:
    """The channel, its way into the gateway, and where it listens."""

    channel: Sms
    port: RecordingPort
    url: str
    settings: SmsSettings


@asynccontextmanager
async def house(settings: SmsSettings, *, listen: int = 0) -> AsyncGenerator[House]:
    """`listen`: the port to listen on; 0 for any that is free."""
    port = RecordingPort()
    channel = Sms(settings, PROVIDERS[settings.provider](settings), clock=FrozenClock())
    app = web.Application()
    app.add_routes(channel.routes())
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", listen).start()
        await channel.start(port)
        at = runner.addresses[0][1]
        yield House(channel=channel, port=port, url=f"http://127.0.0.1:{at}", settings=settings)
    finally:
        await channel.stop()
        await runner.cleanup()
