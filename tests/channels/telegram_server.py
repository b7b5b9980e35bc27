"""A loopback server that speaks the Telegram Bot API as documented, with people who write and faults on demand.

In tests it is an aiohttp application (`async with TelegramServer() as telegram: …`); by hand and for benches it is

    python -m tests.channels.telegram_server --port 8081

and then, for a person with chat id 7 (any number will do):

    POST /person/7/say     {"text": "hello"} or any other fields of a Message
    POST /person/7/press   {"message_id": 12, "data": "yes"}
    POST /person/7/edit    {"message_id": 3, "text": "hello!"}
    POST /person/7/block   and  /person/7/unblock
    GET  /person/7/inbox?after=12&wait=5   what the bot sent after message 12, waiting up to 5 s for something
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
from aiohttp import web

from tests.channels.telegram_faults import ApiError, Drop, Fault, Hold, Reply, stated

TOKEN: Final = "42:loopback-token"
USERNAME: Final = "loopback_bot"
DEFAULT_UPDATES: Final = frozenset({"message", "edited_message", "callback_query", "my_chat_member", "channel_post"})
MEDIA: Final = {
    "sendPhoto": "photo",
    "sendDocument": "document",
    "sendAudio": "audio",
    "sendVoice": "voice",
    "sendVideo": "video",
    "sendSticker": "sticker",
}

Fields = dict[str, Any]


@dataclass(kw_only=True)
class Call:
    """One call that arrived."""

    method: str
    fields: Fields
    files: dict[str, bytes] = field(default_factory=dict)


class TelegramServer:
    """One bot's side of Telegram."""

    def __init__(
        self,
        *,
        token: str = TOKEN,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock: Callable[[], int] = lambda: DATE,
    ) -> None:
        """`pause`: how the webhook's caller waits before it tries an update again; `clock`: seconds since 1970."""
        self.token = token
        self.calls: list[Call] = []
        self.messages: dict[int, dict[int, Fields]] = {}
        """By chat, by message_id: everything ever said there."""
        self.blocked: set[int] = set()
        self.updates: list[Fields] = []
        """Not yet confirmed."""
        self.files: dict[str, bytes] = {}
        self.answered: list[str] = []
        """Callback queries."""
        self.webhook: Fields = {"url": ""}
        self.webhook_answers: list[int] = []
        self.url = ""
        self._secret: str | None = None
        self._allowed = DEFAULT_UPDATES
        self._faults: dict[str, deque[Fault]] = {}
        self._queries: set[str] = set()
        self._numbers = itertools.count(1000)
        self._message_ids = itertools.count(1)
        self._changed = asyncio.Condition()
        self._poller = 0
        self._pause = pause
        self._clock = clock
        self._caller: asyncio.Task[None] | None = None
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> TelegramServer:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def listen(self, port: int = 0) -> None:
        self._runner = web.AppRunner(self.app(), shutdown_timeout=0.01)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        await self._stop_calling()
        if self._runner is not None:
            await self._runner.cleanup()

    def app(self) -> web.Application:
        app = web.Application(client_max_size=60 * 1024 * 1024)
        app.add_routes(
            [
                web.route("*", "/bot{token}/{method}", self._api),
                web.get("/file/bot{token}/{path:.+}", self._file),
                web.post("/person/{chat}/{act}", self._person),
                web.get("/person/{chat}/inbox", self._inbox),
            ]
        )
        return app

    # What a test arranges and asks

    def fail(self, method: str, *faults: Fault) -> None:
        """The next calls of this method meet these faults, in order."""
        self._faults.setdefault(method, deque()).extend(faults)

    async def say(self, chat: int, text: str | None = None, /, **fields: object) -> Fields:
        """A person writes; `fields` are those of a Message. Returns the update."""
        message = self._message(chat, from_bot=False, fields={**({"text": text} if text is not None else {}), **fields})
        return await self._happen({"message": message})

    async def edit(self, chat: int, message_id: int, **fields: object) -> Fields:
        message = self.messages[chat][message_id]
        message.update(fields, edit_date=self._clock())
        return await self._happen({"edited_message": message})

    async def press(self, chat: int, message_id: int, data: str) -> Fields:
        query = f"q{next(self._numbers)}"
        self._queries.add(query)
        content = {"id": query, "from": person(chat), "chat_instance": "1", "data": data}
        return await self._happen({"callback_query": {**content, "message": self.messages[chat][message_id]}})

    async def block(self, chat: int, *, blocked: bool = True) -> Fields:
        (self.blocked.add if blocked else self.blocked.discard)(chat)
        status = ["member", "kicked"] if blocked else ["kicked", "member"]
        old, new = ({"status": one, "user": {"id": 42, "is_bot": True, "first_name": "Shop"}} for one in status)
        change = {"chat": private(chat), "from": person(chat), "date": self._clock(), "old_chat_member": old}
        return await self._happen({"my_chat_member": {**change, "new_chat_member": new}})

    async def push(self, update: Fields) -> Fields:
        """Put an update in the queue as it is; without a number it gets the next."""
        update = {"update_id": next(self._numbers), **update}
        self.updates.append(update)
        await self._notify()
        return update

    async def _happen(self, update: Fields) -> Fields:
        """What people do is told to the bot if it asked for that kind of update."""
        return update if self._allowed.isdisjoint(update) else await self.push(update)

    def inbox(self, chat: int) -> list[Fields]:
        """What the bot sent, in order."""
        return [message for message in self.messages.get(chat, {}).values() if message["from"]["is_bot"]]

    def called(self, method: str) -> list[Fields]:
        return [call.fields for call in self.calls if call.method == method]

    async def until(self, condition: Callable[[], object], within: float = 10.0) -> None:
        """Wait until something that the server sees has come true."""
        async with asyncio.timeout(within), self._changed:
            await self._changed.wait_for(lambda: bool(condition()))

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    # The API

    async def _api(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        waiting = self._faults.get(method)
        fault = waiting.popleft() if waiting else None
        if isinstance(fault, Drop) and not fault.after:
            return _cut(request)
        try:
            call = await _call_of(method, request)
            self.calls.append(call)
            if isinstance(fault, Reply):
                raise _Instead(fault)
            self._check_token(request.match_info["token"])
            result = await self._handle(call)
            answer = web.json_response({"ok": True, "result": result})
        except ApiError as error:
            answer = _reply(error.reply)
        except _Instead as instead:
            answer = _reply(instead.reply)
        await self._notify()
        if isinstance(fault, Drop):
            return _cut(request)
        if isinstance(fault, Hold):
            await fault.until.wait()
        return answer

    def _check_token(self, token: str) -> None:
        if token != self.token:
            raise ApiError(401, "Unauthorized") if re.fullmatch(r"\d+:.+", token) else ApiError(404, "Not Found")

    async def _handle(self, call: Call) -> object:
        match call.method:
            case "getMe":
                return {"id": 42, "is_bot": True, "first_name": "Shop", "username": USERNAME}
            case "getUpdates":
                return await self._get_updates(call.fields)
            case "setWebhook":
                return await self._set_webhook(call.fields)
            case "deleteWebhook":
                await self._stop_calling()
                self.webhook = {"url": ""}
                return True
            case "getWebhookInfo":
                return {**self.webhook, "has_custom_certificate": False, "pending_update_count": len(self.updates)}
            case "sendMessage" | "sendLocation" | "sendVenue" | "sendContact":
                return self._send(call)
            case "sendChatAction":
                self._chat(call.fields)
                return True
            case "answerCallbackQuery":
                return self._answer(call.fields)
            case "editMessageText":
                return self._edit(call.fields)
            case "getFile":
                return self._get_file(call.fields)
            case method if method in MEDIA:
                return self._send(call)
            case _:
                raise ApiError(404, "Not Found")

    async def _get_updates(self, fields: Fields) -> list[Fields]:
        """An offset confirms everything before it; a second asker ends the first one's wait."""
        if self.webhook["url"]:
            raise ApiError(409, "Conflict: can't use getUpdates method while webhook is active")
        offset, limit = int(fields.get("offset") or 0), min(100, max(1, int(fields.get("limit") or 100)))
        self._allow(fields)
        if offset < 0:
            offset = self.updates[max(offset, -len(self.updates))]["update_id"] if self.updates else 0
        self.updates = [update for update in self.updates if update["update_id"] >= offset]
        self._poller = asker = self._poller + 1
        await self._notify()
        try:
            async with asyncio.timeout(float(fields.get("timeout") or 0)), self._changed:
                await self._changed.wait_for(lambda: self.updates or self._poller != asker)
        except TimeoutError:
            return []
        if self._poller != asker:
            raise ApiError(409, "Conflict: terminated by other getUpdates request")
        return self.updates[:limit]

    def _allow(self, fields: Fields) -> None:
        if "allowed_updates" in fields:
            self._allowed = frozenset(fields["allowed_updates"]) or DEFAULT_UPDATES

    async def _set_webhook(self, fields: Fields) -> bool:
        secret, url = fields.get("secret_token"), str(fields.get("url", ""))
        if secret is not None and not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", secret):
            raise ApiError(400, "Bad Request: secret token contains unallowed characters")
        if url and not url.startswith(("https://", "http://127.0.0.1")):
            raise ApiError(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
        await self._stop_calling()
        self._allow(fields)
        self._secret, self.webhook = secret, {"url": url}
        if url:
            self._caller = asyncio.create_task(self._call_webhook(url))
        return True

    async def _call_webhook(self, url: str) -> None:
        """One update after the other, each until it is taken."""
        headers = {"X-Telegram-Bot-Api-Secret-Token": self._secret} if self._secret else {}
        async with aiohttp.ClientSession(headers=headers) as session:
            for failures in itertools.count():
                await self.until(lambda: self.updates, within=86_400)
                status = await _post(session, url, self.updates[0])
                self.webhook_answers.append(status)
                if 200 <= status < 300:
                    self.updates.pop(0)
                    await self._notify()
                else:
                    await self._notify()
                    await self._pause(min(60, failures + 1))

    async def _stop_calling(self) -> None:
        if self._caller is not None:
            self._caller.cancel()
            await asyncio.gather(self._caller, return_exceptions=True)
            self._caller = None

    def _send(self, call: Call) -> Fields:
        fields = call.fields
        chat = self._chat(fields)
        content = {key: fields[key] for key in ("text", "caption", "reply_markup") if key in fields}
        _check_words(call.method, fields)
        _check_keyboard(fields)
        if call.method in MEDIA:
            content[MEDIA[call.method]] = self._media(MEDIA[call.method], call)
        for key in ("latitude", "longitude", "title", "address", "phone_number", "first_name"):
            if key in fields:
                content[key] = fields[key]
        replied = (fields.get("reply_parameters") or {}).get("message_id")
        if replied is not None:
            if replied in self.messages.get(chat, {}):
                content["reply_to_message"] = {"message_id": replied, "chat": private(chat), "date": self._clock()}
            elif not fields["reply_parameters"].get("allow_sending_without_reply"):
                raise ApiError(400, "Bad Request: message to be replied not found")
        return self._message(chat, from_bot=True, fields=content)

    def _chat(self, fields: Fields) -> int:
        """Whom the bot may write to: people who have written to it and have not blocked it."""
        if not fields.get("chat_id"):
            raise ApiError(400, "Bad Request: chat_id is empty")
        chat = int(fields["chat_id"])
        if chat not in self.messages:
            raise ApiError(400, "Bad Request: chat not found")
        if chat in self.blocked:
            raise ApiError(403, "Forbidden: bot was blocked by the user")
        return chat

    def _media(self, key: str, call: Call) -> object:
        if key in call.files:
            identity = f"file{next(self._numbers)}"
            self.files[identity] = call.files[key]
        else:
            identity = str(call.fields.get(key))
            if identity not in self.files:
                raise ApiError(400, "Bad Request: wrong file identifier/HTTP URL specified")
        one = {"file_id": identity, "file_unique_id": identity, "file_size": len(self.files[identity])}
        return [{**one, "width": 1, "height": 1}] if key == "photo" else one

    def _answer(self, fields: Fields) -> bool:
        query = str(fields.get("callback_query_id"))
        if query not in self._queries:
            raise ApiError(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
        self._queries.remove(query)
        self.answered.append(query)
        return True

    def _edit(self, fields: Fields) -> Fields:
        message = self.messages.get(self._chat(fields), {}).get(int(fields["message_id"]))
        if message is None:
            raise ApiError(400, "Bad Request: message to edit not found")
        _check_words("sendMessage", fields)
        _check_keyboard(fields)
        same = message.get("text") == fields["text"] and message.get("reply_markup") == fields.get("reply_markup")
        if same:
            raise ApiError(400, "Bad Request: message is not modified: specified new message content is the same")
        message["text"] = fields["text"]
        message.pop("reply_markup", None)
        if fields.get("reply_markup"):
            message["reply_markup"] = fields["reply_markup"]
        return message

    def _get_file(self, fields: Fields) -> Fields:
        identity = str(fields.get("file_id"))
        if identity not in self.files:
            raise ApiError(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
        size = len(self.files[identity])
        if size > 20 * 1024 * 1024:
            raise ApiError(400, "Bad Request: file is too big")
        return {"file_id": identity, "file_unique_id": identity, "file_size": size, "file_path": f"files/{identity}"}

    async def _file(self, request: web.Request) -> web.StreamResponse:
        content = self.files.get(request.match_info["path"].removeprefix("files/"))
        if request.match_info["token"] != self.token or content is None:
            return _reply(stated(404, "Not Found"))
        return web.Response(body=content)

    def _message(self, chat: int, *, from_bot: bool, fields: Mapping[str, object]) -> Fields:
        sender = {"id": 42, "is_bot": True, "first_name": "Shop", "username": USERNAME} if from_bot else person(chat)
        number = next(self._message_ids)
        message: Fields = {"message_id": number, "from": sender, "chat": private(chat), "date": self._clock(), **fields}
        self.messages.setdefault(chat, {})[number] = message
        return message

    # People, by HTTP

    async def _person(self, request: web.Request) -> web.Response:
        chat = int(request.match_info["chat"])
        body: Fields = await request.json() if request.can_read_body else {}
        if "message_id" in body and body["message_id"] not in self.messages.get(chat, {}):
            raise web.HTTPNotFound(text="no such message in this chat")
        match request.match_info["act"]:
            case "say":
                update = await self.say(chat, **body)
            case "press":
                update = await self.press(chat, int(body["message_id"]), str(body["data"]))
            case "edit":
                update = await self.edit(chat, **body)
            case "block" | "unblock" as act:
                update = await self.block(chat, blocked=act == "block")
            case _:
                raise web.HTTPNotFound
        return web.json_response(update)

    async def _inbox(self, request: web.Request) -> web.Response:
        chat, after = int(request.match_info["chat"]), int(request.query.get("after", 0))

        def news() -> list[Fields]:
            return [message for message in self.inbox(chat) if message["message_id"] > after]

        with suppress(TimeoutError):
            await self.until(news, within=float(request.query.get("wait", 0)))
        return web.json_response(news())


DATE: Final = 1_770_000_000


def person(chat: int) -> Fields:
    return {"id": chat, "is_bot": False, "first_name": "Wang", "last_name": "Fang", "language_code": "zh-hans"}


def private(chat: int) -> Fields:
    return {"id": chat, "type": "private", "first_name": "Wang", "last_name": "Fang"}


class _Instead(Exception):
    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def _cut(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def _reply(reply: Reply) -> web.Response:
    return web.Response(status=reply.status, body=reply.body, headers=reply.headers)


async def _call_of(method: str, request: web.Request) -> Call:
    """JSON, a form, a form with files or a query: Telegram takes all of them. Unknown fields are let through."""
    if request.content_type == "application/json":
        return Call(method=method, fields=await request.json())
    values: Fields = dict(request.query)
    files: dict[str, bytes] = {}
    for key, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            files[key] = value.file.read()
        else:
            values[key] = value
    return Call(method=method, fields={key: _unform(value) for key, value in values.items()}, files=files)


def _unform(value: str) -> object:
    return json.loads(value) if value[:1] in ("{", "[") else value


def _check_words(method: str, fields: Fields) -> None:
    if method == "sendMessage":
        text = str(fields.get("text") or "")
        if not text.strip():
            raise ApiError(400, "Bad Request: message text is empty")
        if _units(text) > 4096:
            raise ApiError(400, "Bad Request: message is too long")
    if _units(str(fields.get("caption") or "")) > 1024:
        raise ApiError(400, "Bad Request: message caption is too long")


def _units(text: str) -> int:
    return sum(2 if ord(character) > 0xFFFF else 1 for character in text.strip())


def _check_keyboard(fields: Fields) -> None:
    for row in (fields.get("reply_markup") or {}).get("inline_keyboard", []):
        for button in row:
            if not button.get("text"):
                raise ApiError(400, "Bad Request: can't parse inline keyboard button: text is empty")
            if "url" not in button and not 1 <= len(str(button.get("callback_data", "")).encode()) <= 64:
                raise ApiError(400, "Bad Request: BUTTON_DATA_INVALID")


async def _post(session: aiohttp.ClientSession, url: str, update: Fields) -> int:
    try:
        async with session.post(url, json=update) as response:
            return response.status
    except aiohttp.ClientError:
        return 0


async def _serve(port: int, token: str) -> None:
    server = TelegramServer(token=token, clock=lambda: int(time.time()))
    await server.listen(port)
    print(f"Telegram's Bot API at {server.url} (token {token}); people at {server.url}/person/<chat>/say and …/inbox")
    try:
        await asyncio.Event().wait()
    finally:
        await server.close()


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--port", type=int, default=8081)
    options.add_argument("--token", default=TOKEN)
    given = options.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(given.port, given.token))
