"""Telegram: long polling or webhook in, the Bot API out.

A webhook's request is read in `webhook`, updates in `updates`; calls are built in `methods`
(the only place with aiogram, imported when the channel starts) and made in `api`.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import re
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import structlog
from aiohttp import web

from channels.envelope import (
    Arrival,
    Attachment,
    AttachmentKind,
    OutboundMessage,
    Receipt,
    Refusal,
    SendError,
    SendErrorCode,
)
from channels.protocol import Blob, Inspection, Port, StorageUnavailable
from channels.telegram.api import FETCH_LIMIT, BotApi
from channels.telegram.json import Json, Unreadable, as_object, maybe_number, maybe_text
from channels.telegram.polling import next_updates
from channels.telegram.settings import InsecureWebhook, TelegramSettings
from channels.telegram.updates import ALLOWED_UPDATES, inspect
from channels.telegram.webhook import SECRET, Oversize, is_telegram, kept_headers, read_body
from channels.unproven import Unproven

if TYPE_CHECKING:
    from channels.telegram.methods import Method

__all__ = ["InsecureWebhook", "Telegram", "TelegramSettings", "inspect"]

LONGEST_PAUSE: Final = 30.0
"""Seconds between tries while Telegram or our storage does not answer."""

_BLOB: Final = re.compile(r"[0-9a-f]{64}")

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class Telegram:
    """One bot as a channel: Channel, Polls, Typing, Media, Edits, Invites and Probes of `channels.protocol`."""

    def __init__(
        self,
        settings: TelegramSettings,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """`pause` waits so many seconds between tries."""
        self.name = settings.name
        self.limits = settings.limits
        self._settings = settings
        self._clock = clock
        self._monotonic = monotonic
        self._pause = pause
        self._api = BotApi(token=settings.token, base=settings.api_base, timeout=settings.timeout)
        self._unproven = Unproven(settings.name, clock=clock)
        self._port: Port | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._loading: asyncio.Task[None] | None = None
        self._floods: dict[str, float] = {}
        self._username: str | None = None

    def routes(self) -> Sequence[web.RouteDef]:
        return [web.post(self._settings.path, self._webhook)] if self._settings.webhook_url else []

    async def start(self, port: Port) -> None:
        """Raises InsecureWebhook. The webhook is set in the background: an unreachable Telegram stops nothing else."""
        if self._settings.webhook_url and not SECRET.fullmatch(self._settings.webhook_secret or ""):
            raise InsecureWebhook
        self._port = port
        self._begin_loading()
        if self._settings.webhook_url:
            self._in_background(self._set_webhook(self._settings.webhook_url))

    async def stop(self) -> None:
        """The webhook stays set: Telegram keeps what arrives meanwhile, for a day."""
        tasks: list[asyncio.Task[object]] = [*self._tasks, *([self._loading] if self._loading else [])]
        self._loading = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._api.close()

    # To inbound

    def inspect(self, raw: bytes) -> Inspection:
        """What a raw update is to us: what `rapport inspect telegram` shows, and what is received."""
        return inspect(raw, channel=self.name, at=self._clock())

    def _read(self, raw: bytes, headers: Mapping[str, str] | None = None) -> Inspection:
        """The same, with a Refusal in place of what cannot be read."""
        inspection = self.inspect(raw)
        if inspection.error is not None:
            log.warning("telegram_update_unreadable", channel=self.name, reason=inspection.error, **inspection.notes)
            return replace(inspection, arrivals=(self._refusal(inspection.error, raw, headers),))
        if inspection.ignored is not None:
            log.info("telegram_update_ignored", channel=self.name, reason=inspection.ignored, **inspection.notes)
        return inspection

    def _refusal(self, reason: str, raw: bytes, headers: Mapping[str, str] | None = None) -> Refusal:
        sha256 = hashlib.sha256(raw).hexdigest()
        return Refusal(
            channel=self.name, reason=reason, size=len(raw), sha256=sha256, at=self._clock(), headers=headers or {}
        )

    # Receive, called by Telegram

    async def _webhook(self, request: web.Request) -> web.Response:
        """200 says: stored. Anything else makes Telegram come back with the same update."""
        if self._port is None:
            return web.Response(status=503)
        if not is_telegram(request, self._settings.webhook_secret):
            log.warning("telegram_webhook_forged", channel=self.name, peer=request.remote)
            raw = await read_body(request)
            known = (
                raw if isinstance(raw, Oversize) else Oversize(size=len(raw), sha256=hashlib.sha256(raw).hexdigest())
            )
            await self._unproven.note_hash(
                self._port, "forged", known.sha256, size=known.size, headers=kept_headers(request)
            )
            return web.Response(status=401)
        try:
            return await self._take_request(self._port, request)
        except StorageUnavailable:
            return web.Response(status=503)

    async def _take_request(self, port: Port, request: web.Request) -> web.Response:
        headers = kept_headers(request)
        raw = await read_body(request)
        if isinstance(raw, Oversize):
            await port.accept([replace(self._refusal("too large", b"", headers), size=raw.size, sha256=raw.sha256)])
            return web.Response(status=413)
        inspection = self._read(raw, headers)
        if inspection.arrivals:
            await port.accept(inspection.arrivals)
        self._answer_callbacks([inspection])
        # An update that has its number is Telegram's: recorded as refused, it need not come again.
        known = "update_id" in inspection.notes or inspection.error is None
        return web.Response(status=200 if known else 400)

    async def _set_webhook(self, url: str) -> None:
        methods = await self._methods()
        method = methods.SetWebhook(
            url=url, secret_token=self._settings.webhook_secret, allowed_updates=list(ALLOWED_UPDATES)
        )
        failures = 0
        while True:
            try:
                await self._api.call(method)
                return
            except SendError as problem:
                failures += 1
                await self._wait("telegram_webhook_not_set", problem, failures)

    # Receive, asking Telegram

    async def poll(self) -> None:
        """Ask for updates until cancelled. Where Telegram calls us there is nothing to ask, and this only waits.

        The offset that tells Telegram to forget is the cursor, and the cursor commits with the batch: an update is
        forgotten there after it is stored here.
        """
        if self._port is None:
            raise RuntimeError("poll before start")
        if self._settings.webhook_url:
            await asyncio.Event().wait()
        failures = 0
        while True:
            try:
                await self._leave_webhook()
                cursor = await self._port.cursor()
                while True:
                    cursor = await self._poll_once(self._port, cursor)
                    failures = 0
            except (SendError, StorageUnavailable) as problem:
                failures += 1
                await self._wait("telegram_poll_failed", problem, failures)

    async def _leave_webhook(self) -> None:
        """Telegram refuses getUpdates while a webhook is set, by us in earlier days or by somebody else."""
        methods = await self._methods()
        await self._api.call(methods.DeleteWebhook())

    async def _poll_once(self, port: Port, cursor: str | None) -> str | None:
        batch = await next_updates(self._api, cursor, wait=self._settings.poll_timeout, spare=self._settings.timeout)
        if batch is None:
            return cursor
        readings = [self._read(raw) for raw in batch.updates]
        arrivals: list[Arrival] = [arrival for reading in readings for arrival in reading.arrivals]
        await port.accept(arrivals, cursor=batch.cursor)
        self._answer_callbacks(readings)
        return batch.cursor

    def _answer_callbacks(self, readings: Sequence[Inspection]) -> None:
        """Let the pressed buttons stop turning, now that the presses are stored."""
        for reading in readings:
            if query := reading.notes.get("callback_query_id"):
                self._in_background(self._answer_callback(query))

    async def _answer_callback(self, query: str) -> None:
        methods = await self._methods()
        try:
            await self._api.call(methods.AnswerCallbackQuery(callback_query_id=query))
        except SendError as problem:  # too late, mostly; the person sees the reply all the same
            log.debug("telegram_callback_not_answered", channel=self.name, problem=problem.detail)

    async def _wait(self, event: str, problem: SendError | StorageUnavailable, failures: int) -> None:
        asked = problem.retry_after if isinstance(problem, SendError) else None
        seconds = asked or min(LONGEST_PAUSE, 2.0 ** min(failures - 1, 10))
        said = str(problem) if isinstance(problem, SendError) else "storage_unavailable"
        log.warning(event, channel=self.name, problem=said, seconds=seconds)
        await self._pause(seconds)

    async def _methods(self):
        """The module with aiogram, which takes seconds to import: in a thread, so that other channels go on."""
        await asyncio.shield(self._begin_loading())
        from channels.telegram import methods

        return methods

    def _begin_loading(self) -> asyncio.Task[None]:
        if self._loading is None:
            self._loading = asyncio.create_task(_import_aside("channels.telegram.methods"))
        return self._loading

    def _in_background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # To update: Telegram has no receipts; `my_chat_member` becomes an AddressUpdate in `updates`.

    # Send

    async def send(self, message: OutboundMessage) -> Receipt:
        """In as many parts as it takes, without those in `message.sent`. Raises SendError, with the parts that left
        before the failure: added to the message's `sent`, a later try goes on where this one ended.
        """
        methods = await self._methods()
        calls = methods.parts(message, await self._blobs(message))
        sent: tuple[str, ...] = ()
        ends = self._monotonic() + self._settings.timeout
        for call in calls[len(message.sent) :]:
            if sent and self._monotonic() >= ends:  # the Delivery's lease must not run out under a long text
                raise SendError(SendErrorCode.UNREACHABLE, "the parts before took too long", sent=sent)
            try:
                sent += (_message_id(await self._call(call)),)
            except SendError as problem:
                raise self._in_context(problem, message.address, sent) from problem
        return Receipt(external_ids=sent)

    async def _call(self, call: Method) -> object:
        """One part; a picture that Telegram cannot get is sent as the link to it."""
        try:
            return await self._api.call(call)
        except SendError as problem:
            instead = (await self._methods()).by_link(call) if problem.code is SendErrorCode.REJECTED else None
            if instead is None:
                raise
            log.info("telegram_picture_not_fetched", channel=self.name, problem=problem.detail)
            return await self._api.call(instead)

    async def edit(self, external_id: str, message: OutboundMessage) -> None:
        methods = await self._methods()
        try:
            await self._api.call(methods.edited(external_id, message))
        except SendError as problem:
            if "message is not modified" not in problem.detail:
                raise self._in_context(problem, message.address, ()) from problem

    async def typing(self, address: str) -> None:
        methods = await self._methods()
        try:
            await self._api.call(methods.SendChatAction(chat_id=methods.chat_of(address), action="typing"))
        except SendError as problem:
            log.debug("telegram_typing_not_shown", channel=self.name, problem=problem.detail)

    async def fetch(self, attachment: Attachment) -> bytes:
        """At most 20 MiB: Telegram gives bots no more. Raises SendError."""
        if attachment.kind in (AttachmentKind.LOCATION, AttachmentKind.CONTACT):
            raise SendError(SendErrorCode.UNSUPPORTED, f"a {attachment.kind} has no content")
        if (attachment.size or 0) > FETCH_LIMIT:
            raise SendError(SendErrorCode.TOO_LARGE, f"more than {FETCH_LIMIT} bytes")
        methods = await self._methods()
        path = maybe_text(_object_in(await self._api.call(methods.GetFile(file_id=attachment.id))), "file_path")
        if not path:
            raise SendError(SendErrorCode.REJECTED, "the file is not to be had")
        return await self._api.download(path)

    async def probe(self) -> str:
        methods = await self._methods()
        return f"@{maybe_text(_object_in(await self._api.call(methods.GetMe())), 'username')}"

    async def invitation(self, code: str) -> str:
        """A deep link: https://core.telegram.org/bots/features#deep-linking."""
        self._username = self._username or (await self.probe()).removeprefix("@")
        return f"https://t.me/{self._username}?start={code}"

    async def _blobs(self, message: OutboundMessage) -> Mapping[str, Blob]:
        blobs: dict[str, Blob] = {}
        for attachment in message.attachments:
            if _BLOB.fullmatch(attachment.id):
                blobs[attachment.id] = await self._blob(attachment.id)
        return blobs

    async def _blob(self, sha256: str) -> Blob:
        if self._port is None:
            raise RuntimeError("send before start")
        try:
            blob = await self._port.blob(sha256)
        except StorageUnavailable:
            raise SendError(SendErrorCode.UNREACHABLE, "our own storage is not available") from None
        if blob is None:
            raise SendError(SendErrorCode.REJECTED, "the file is gone")
        return blob

    def _in_context(self, problem: SendError, address: str, sent: tuple[str, ...]) -> SendError:
        return SendError(
            problem.code,
            problem.detail,
            retry_after=problem.retry_after,
            whole_channel=problem.whole_channel or self._floods_beyond(address, problem),
            sent=sent,
        )

    def _floods_beyond(self, address: str, problem: SendError) -> bool:
        """Whether the whole bot shall wait. Telegram does not say whom a 429 is about; if another chat is still
        waiting from one of its own, it cannot be this chat alone.
        """
        if problem.code is not SendErrorCode.RATE_LIMITED:
            return False
        now = self._monotonic()
        waiting = {chat: until for chat, until in self._floods.items() if until > now}
        self._floods = waiting | {address: now + (problem.retry_after or 1)}
        return any(chat != address for chat in waiting)


def _message_id(result: object) -> str:
    """Without its id, nobody can tell whether Telegram took the message."""
    identity = maybe_number(_object_in(result), "message_id")
    if identity is None:
        raise SendError(SendErrorCode.NO_ANSWER, "the answer has no message_id")
    return identity


def _object_in(result: object) -> Json:
    try:
        return as_object(result, "the result")
    except Unreadable as mistake:
        raise SendError(SendErrorCode.NO_ANSWER, str(mistake)) from None


async def _import_aside(module: str) -> None:
    """Import what takes seconds without holding up the loop, nor a stop: asyncio's own threads are waited for."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[BaseException | None] = loop.create_future()

    def tell(problem: BaseException | None) -> None:
        if not done.done():
            done.set_result(problem)

    def load() -> None:
        problem: BaseException | None = None
        try:
            importlib.import_module(module)
        except BaseException as error:
            problem = error
        with suppress(RuntimeError):  # the loop has ended meanwhile: nobody waits for it
            loop.call_soon_threadsafe(tell, problem)

    threading.Thread(target=load, name="import", daemon=True).start()
    problem = await done
    if problem is not None:
        raise problem
