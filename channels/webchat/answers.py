"""What a request is answered with: frames as JSON, and the status that a refusal has in HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson
from aiohttp import web

from channels.webchat.frames import ErrorCode, Refused, error
from channels.webchat.sentences import sentence

STATUSES: Mapping[ErrorCode, int] = {
    ErrorCode.BAD_JSON: 400,
    ErrorCode.BAD_FRAME: 400,
    ErrorCode.UNKNOWN_TYPE: 400,
    ErrorCode.BINARY: 400,
    ErrorCode.HELLO_FIRST: 400,
    ErrorCode.EMPTY: 400,
    ErrorCode.TOO_LONG: 413,
    ErrorCode.TOO_LARGE: 413,
    ErrorCode.TOO_MANY: 429,
    ErrorCode.TOO_MANY_SOCKETS: 429,
    ErrorCode.UNAUTHORIZED: 401,
    ErrorCode.BAD_ORIGIN: 403,
    ErrorCode.BAD_ATTACHMENT: 400,
    ErrorCode.BAD_TYPE: 415,
    ErrorCode.BAD_LINK: 403,
    ErrorCode.UNAVAILABLE: 503,
}


def answers(replies: Sequence[bytes]) -> web.Response:
    refusals = [orjson.loads(answer) for answer in replies if answer.startswith(b'{"type":"error"')]
    if not refusals or len(refusals) < len(replies):
        return in_json(array(replies))
    response = in_json(array(replies), status=STATUSES[ErrorCode(refusals[0]["code"])])
    if "retry_after" in refusals[0]:
        response.headers["Retry-After"] = str(int(refusals[0]["retry_after"]) + 1)
    return response


def array(frames: Sequence[bytes]) -> bytes:
    return b"[" + b",".join(frames) + b"]"


def in_json(body: bytes, *, status: int = 200) -> web.Response:
    return web.Response(
        body=body, status=status, content_type="application/json", headers={"Cache-Control": "no-store"}
    )


def refusal(refused: Refused, language: str | None) -> web.Response:
    response = in_json(array([error(refused, sentence(refused.code, language))]), status=STATUSES[refused.code])
    if refused.retry_after is not None:
        response.headers["Retry-After"] = str(int(refused.retry_after) + 1)
    return response
