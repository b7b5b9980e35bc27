"""Inspecting what concerns SMS: a provider's requests and signatures, numbers, segments, and words that opt out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

import orjson

from channels.protocol import Inspection
from channels.sms.provider import inspect
from channels.sms.providers import PROVIDERS
from channels.sms.request import Request
from channels.sms.settings import SmsSettings
from gateway.inspecting import lines


def inspect_sms(provider: str, raw: bytes, *, region: str | None = None) -> list[dict[str, Any]]:
    """Every object that `rapport inspect sms` prints for one file: one request, or a list of them."""
    adapter = PROVIDERS[provider](SmsSettings(provider=provider, name=provider, region=region))
    at = datetime.now(UTC)
    return [
        line
        for request in _requests(raw)
        for line in lines(Inspection(error=request) if isinstance(request, str) else inspect(adapter, request, at))
    ]


def _requests(raw: bytes) -> Iterable[Request | str]:
    """The requests in a file, or why one is none."""
    try:
        written = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return ["the file is not JSON: it should be {method, url, headers, body}"]
    return [_request(each) for each in (cast("list[object]", written) if isinstance(written, list) else [written])]


def _request(written: object) -> Request | str:
    if not isinstance(written, dict):
        return "a request should be {method, url, headers, body}"
    fields = cast("Mapping[str, object]", written)
    headers, body = fields.get("headers"), _body(fields.get("body"))
    return Request.of(
        method=str(fields.get("method") or ("POST" if body else "GET")),
        url=str(fields.get("url") or ""),
        headers=_headers(headers),
        body=body,
    )


def _headers(written: object) -> dict[str, str]:
    if not isinstance(written, dict):
        return {}
    return {str(name): str(value) for name, value in cast("Mapping[object, object]", written).items()}


def _body(written: object) -> bytes:
    match written:
        case None:
            return b""
        case str():
            return written.encode("utf-8", "surrogatepass")
        case _:
            return orjson.dumps(written)
