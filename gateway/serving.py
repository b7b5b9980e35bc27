"""Serving: one process from its start to a clean stop, on a signal or a mistake."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import secrets
import signal
from collections.abc import Callable
from contextlib import ExitStack, suppress

import structlog
from aiohttp import web

from gateway.gateway import Gateway
from gateway.lock import DataLock
from gateway.settings import Settings
from storage.migrations import migrate_apart

log = structlog.get_logger(__name__)


def serve(settings: Settings, *, on_ready: Callable[[str, str | None], None]) -> None:
    """Migrate, start, serve until SIGTERM or SIGINT, stop cleanly. Raises AlreadyRunning on a taken data folder."""
    with ExitStack() as stack:
        lock = stack.enter_context(DataLock(settings.data_dir)) if settings.embedded else None
        migrate_apart(settings.database_url.render_as_string(hide_password=False))
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_serve(settings, lock, on_ready))


async def _serve(settings: Settings, lock: DataLock | None, on_ready: Callable[[str, str | None], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    gateway = Gateway(settings)
    await gateway.start()
    token = secrets.token_urlsafe(32) if lock is not None else None
    runner = web.AppRunner(
        gateway.application(internal_token=token), access_log=None, handle_signals=False, shutdown_timeout=5
    )
    await runner.setup()
    site = web.TCPSite(runner, settings.server.host, settings.server.port)
    await site.start()
    url = _url(runner, settings)
    if lock is not None and token is not None:
        lock.tell(url=url, token=token)
    _calm_the_collector()
    # Adapters may load their libraries in the background (Telegram's has a lot of them).
    loop.call_later(30, _calm_the_collector)
    token_of_first = await gateway.first_link()
    on_ready(url, f"{url}/console/come-in/{token_of_first}" if token_of_first else None)
    log.info("serving", url=url, role=settings.server.role)
    await stop.wait()
    log.info("stopping")
    await site.stop()
    await gateway.stop()
    await runner.cleanup()


def _calm_the_collector() -> None:
    """What was built at the start lives to the end; messages make many small values and hardly any cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    # Reading sources, playbook and models took more than is kept of them (malloc_trim(3), of the GNU C library alone).
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _url(runner: web.AppRunner, settings: Settings) -> str:
    port = runner.addresses[0][1]
    host = "127.0.0.1" if settings.server.host in ("0.0.0.0", "::") else settings.server.host  # noqa: S104
    return f"http://{host}:{port}"


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop
    except ImportError:  # where there is none (Windows), asyncio's own does the same, slower
        return asyncio.new_event_loop
    return uvloop.new_event_loop
