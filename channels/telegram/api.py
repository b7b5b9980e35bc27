"""The Bot API over HTTP: one call at a time, and what each way of failing means.

Our own request instead of aiogram's session, because that hides whether anything was written before a failure (which
decides between `unreachable` and `no_answer`) and validates every answer into types for 75 µs, of which we need one
number. The methods themselves are aiogram's. Source: https://core.telegram.org/bots/api#making-requests
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import aiohttp
import orjson

from channels.envelope import SendError, SendErrorCode
from channels.telegram.json import Json, Unreadable, maybe_object, maybe_text, parse

if TYPE_CHECKING:
    from aiogram.methods import TelegramMethod
    from aiogram.types import FSInputFile

FETCH_LIMIT: Final = 20 * 1024 * 1024
"""Bytes that a bot may download. Source: https://core.telegram.org/bots/api#getfile"""

_CONNECT: Final = 10.0
"""Seconds to wait for a connection: nothing is written before."""
_NOBODY_THERE: Final = ("chat not found", "user not found", "peer_id_invalid", "upgraded to a supergroup")


@dataclass(kw_only=True, slots=True)
class _Fate:
    """What is known of a request that did not come back."""

    written: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """An HTTP answer, whatever it says."""

    status: int
    body: bytes
    retry_after: str | None = None
    """The header of that name."""


class BotApi:
    """One bot at one server. The token is part of every URL, so no URL and no library's message ever leaves here."""

    def __init__(self, *, token: str, base: str, timeout: float) -> None:
        """`timeout` in seconds is for a whole call, unless the call says otherwise."""
        self._calls = f"{base.rstrip('/')}/bot{quote(token, safe=':')}/"
        self._files = f"{base.rstrip('/')}/file/bot{quote(token, safe=':')}/"
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

    async def call(self, method: TelegramMethod[Any], *, within: float | None = None) -> object:
        """The `result` of a method, `within` so many seconds. Raises SendError."""
        return result_of(await self.ask(method, within=within))

    async def ask(self, method: TelegramMethod[Any], *, within: float | None = None) -> Answer:
        """The answer to a method, unread. Raises SendError where there was none."""
        with ExitStack() as files:
            body, headers = _written(method, files)
            return await self._request(
                "POST", self._calls + method.__api_method__, within=within, data=body, headers=headers
            )

    async def download(self, path: str) -> bytes:
        """A file by the `file_path` that getFile gave. Raises SendError."""
        answer = await self._request("GET", self._files + quote(path), limit=FETCH_LIMIT)
        if answer.status == HTTPStatus.OK:
            return answer.body
        if answer.status == HTTPStatus.NOT_FOUND:
            raise SendError(SendErrorCode.REJECTED, "the file is gone")
        raise error_of(answer)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _request(
        self,
        verb: str,
        url: str,
        *,
        within: float | None = None,
        limit: int | None = None,
        data: bytes | aiohttp.FormData | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        fate = _Fate()
        try:
            async with self._open().request(
                verb,
                url,
                data=data,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=within or self._timeout, connect=_CONNECT),
                allow_redirects=False,
                trace_request_ctx=fate,
            ) as response:
                body = await _read(response, limit)
                return Answer(status=response.status, body=body, retry_after=response.headers.get("Retry-After"))
        except (aiohttp.ClientError, TimeoutError, OSError) as problem:
            # Not `from problem`: aiohttp writes the URL, and with it the token, into its messages.
            raise _lost(problem, written=fate.written) from None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            trace = aiohttp.TraceConfig()
            trace.on_request_headers_sent.append(_note_written)
            self._session = aiohttp.ClientSession(trace_configs=[trace], cookie_jar=aiohttp.DummyCookieJar())
        return self._session


def result_of(answer: Answer) -> object:
    """What Telegram answered. Raises SendError for everything but `ok`."""
    stated = _stated(answer)
    if stated is not None and stated.get("ok") is True and answer.status == HTTPStatus.OK:
        return stated.get("result")
    raise error_of(answer)


def error_of(answer: Answer) -> SendError:
    """Which of the known failures an answer is: Telegram's own word where there is one, else the bare status."""
    stated = _stated(answer)
    if stated is None or stated.get("ok") is not False:
        return _bare(answer)
    code = stated.get("error_code")
    status = code if isinstance(code, int) else answer.status
    parameters = maybe_object(stated, "parameters") or {}
    detail = f"{status} {(maybe_text(stated, 'description') or '')[:200]}".strip()
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return SendError(
            SendErrorCode.RATE_LIMITED, detail, retry_after=_seconds(parameters.get("retry_after"), answer)
        )
    if status == HTTPStatus.BAD_REQUEST:
        return SendError(_refusal(detail, parameters), detail)
    return SendError(_CODES.get(status, _by_class(status)), detail, whole_channel=status in _TOKEN_PROBLEMS)


def _bare(answer: Answer) -> SendError:
    """A status without Telegram's word comes from something in between: only what it surely means is taken from it."""
    detail = f"{answer.status} without an answer of Telegram's"
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return SendError(SendErrorCode.RATE_LIMITED, detail, retry_after=_seconds(None, answer), whole_channel=True)
    if answer.status in _TOKEN_PROBLEMS or answer.status == HTTPStatus.FORBIDDEN:
        return SendError(SendErrorCode.UNAUTHORIZED, detail, whole_channel=True)
    if answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return SendError(SendErrorCode.TOO_LARGE, detail)
    if answer.status == HTTPStatus.BAD_REQUEST:
        return SendError(SendErrorCode.REJECTED, detail)
    return SendError(SendErrorCode.NO_ANSWER, detail)


def _lost(problem: Exception, *, written: bool) -> SendError:
    code = SendErrorCode.NO_ANSWER if written else SendErrorCode.UNREACHABLE
    return SendError(code, type(problem).__name__)


_TOKEN_PROBLEMS: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND)
_CODES: Final[Mapping[int, SendErrorCode]] = {
    HTTPStatus.UNAUTHORIZED: SendErrorCode.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN: SendErrorCode.BLOCKED,  # blocked, deactivated, never started: the bot may not write there
    HTTPStatus.NOT_FOUND: SendErrorCode.UNAUTHORIZED,  # a token of the wrong form
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: SendErrorCode.TOO_LARGE,
    HTTPStatus.CONFLICT: SendErrorCode.PROVIDER_ERROR,  # somebody else polls with our token, or a webhook is set
}


def _by_class(status: int) -> SendErrorCode:
    return SendErrorCode.PROVIDER_ERROR if status >= HTTPStatus.INTERNAL_SERVER_ERROR else SendErrorCode.REJECTED


def _refusal(detail: str, parameters: Json) -> SendErrorCode:
    said = detail.lower()
    if "migrate_to_chat_id" in parameters or any(words in said for words in _NOBODY_THERE):
        return SendErrorCode.BAD_ADDRESS
    return SendErrorCode.TOO_LARGE if "file is too big" in said else SendErrorCode.REJECTED


def _seconds(stated: object, answer: Answer) -> float | None:
    if isinstance(stated, int | float) and stated >= 0:
        return float(stated)
    header = answer.retry_after or ""
    return float(header) if header.isdecimal() else None


def _stated(answer: Answer) -> Json | None:
    try:
        return maybe_object({"answer": parse(answer.body)}, "answer")
    except Unreadable:
        return None


def _written(
    method: TelegramMethod[Any], files: ExitStack
) -> tuple[bytes | aiohttp.FormData, Mapping[str, str] | None]:
    """JSON, or a form where a file goes along."""
    fields: dict[str, object] = method.model_dump(exclude_defaults=True, warnings=False)
    uploads = {key: file for key, value in fields.items() if (file := _upload(value))}
    if not uploads:
        return orjson.dumps(fields), {"Content-Type": "application/json"}
    form = aiohttp.FormData()
    for key, value in fields.items():
        if key in uploads:
            content = files.enter_context(Path(uploads[key].path).open("rb"))  # noqa: SIM115 (the stack closes it)
            form.add_field(key, content, filename=uploads[key].filename, content_type="application/octet-stream")
        else:
            form.add_field(key, value if isinstance(value, str) else orjson.dumps(value).decode())
    return form, None


def _upload(value: object) -> FSInputFile | None:
    from aiogram.types import FSInputFile

    return value if isinstance(value, FSInputFile) else None


async def _read(response: aiohttp.ClientResponse, limit: int | None) -> bytes:
    if limit is None:
        return await response.read()
    body = bytearray()
    async for chunk in response.content.iter_chunked(1 << 16):
        body += chunk
        if len(body) > limit:
            raise SendError(SendErrorCode.TOO_LARGE, f"more than {limit} bytes")
    return bytes(body)


async def _note_written(session: aiohttp.ClientSession, context: object, sent: object) -> None:
    fate = getattr(context, "trace_request_ctx", None)
    if isinstance(fate, _Fate):
        fate.written = True
