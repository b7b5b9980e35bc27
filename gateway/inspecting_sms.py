"""Inspecting what concerns SMS: a provider's requests and signatures, numbers, segments, and words that opt out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

import orjson

from channels.protocol import Inspection
from channels.request import Fields, Request
from channels.sms.numbers import describe
from channels.sms.provider import inspect
from channels.sms.providers import PROVIDERS
from channels.sms.segments import count
from channels.sms.settings import SmsSettings
from channels.sms.signatures import twilio_valid
from gateway.inspecting import lines
from nlu import optout


def inspect_sms(provider: str, raw: bytes, *, region: str | None = None) -> list[dict[str, Any]]:
    """Every object that `rapport inspect sms` prints for one file: one for a request, or for each of a list of them;
    more only where a request brings several texts."""
    adapter = PROVIDERS[provider](SmsSettings(provider=provider, name=provider, region=region))
    at = datetime.now(UTC)
    return [
        line
        for request in _requests(raw)
        for line in _together(
            lines(Inspection(error=request) if isinstance(request, str) else inspect(adapter, request, at))
        )
    ]


def _together(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Texts, a line each; news is one line, with all its statuses; a word on consent goes with what it came with."""
    texts = [line for line in found if line.get("event") == "message"]
    news = [line for line in found if line.get("event") == "receipt"]
    consents = [line for line in found if line.get("event") == "consent"]
    others = [line for line in found if "event" not in line]
    if news:
        news = [news[0] | {"statuses": [status for line in news for status in line["statuses"]]}]
    whole = texts + news + others
    if whole and consents:
        whole[0] |= {name: consents[0][name] for name in ("consent", "source")}
    return whole or consents


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


def inspect_segments(text: str) -> dict[str, Any]:
    """What operators will count for a text."""
    counted = count(text)
    return {
        "encoding": counted.encoding.value,
        "units": counted.units,
        "segments": counted.segments,
        "forced_by": list(counted.forced_by),
        "characters": counted.characters,
        "message_bits": counted.bits,
        "total_bits": counted.total_bits,
    }


def inspect_phone(written: str, *, region: str | None = None) -> dict[str, Any]:
    """What a number tells about itself; all of it empty where it is none."""
    number = describe(written, region)
    return {
        "input": written,
        "e164": number.e164 if number else None,
        "valid": number is not None and number.valid,
        "possible": number is not None and number.possible,
        "type": number.type if number else "UNKNOWN",
        "region": number.region if number else None,
        "time_zones": list(number.time_zones) if number else [],
        "extension": number.extension if number else None,
    }


def inspect_optout(text: str) -> str:
    """`withdraw`, `grant`, `help` or `none`, as the whole of a text message."""
    return optout.read(text, whole_message=True).value


def inspect_signature(raw: bytes) -> list[dict[str, Any]]:
    """Whether a request is signed by Twilio: {url, auth_token, params or body, signature}, or a list of such."""
    try:
        written = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return [{"error": "the file is not JSON: it should be {url, auth_token, params or body, signature}"}]
    return [_signature(each) for each in (cast("list[object]", written) if isinstance(written, list) else [written])]


def _signature(written: object) -> dict[str, Any]:
    if not isinstance(written, dict):
        return {"error": "a signed request should be {url, auth_token, params or body, signature}"}
    fields = cast("Mapping[str, object]", written)
    request = _request(fields)
    if isinstance(request, str):
        return {"error": request}
    params = fields.get("params")
    return {
        "valid": twilio_valid(
            token=str(fields.get("auth_token") or ""),
            url=request.url,
            params=request.form().texts() if params is None else _params(params),
            body=request.body,
            signature=str(fields.get("signature") or request.header("x-twilio-signature")),
        )
    }


def _params(written: object) -> list[tuple[str, str]]:
    """`{name: value}`, where a name that comes twice has a list; or pairs; or a form."""
    match written:
        case str():
            return Fields.of(written).texts()
        case dict():
            named = cast("Mapping[object, object]", written)
            return [(str(name), str(value)) for name, values in named.items() for value in _values(values)]
        case list():
            pairs = [_values(each) for each in cast("list[object]", written)]
            return [(str(pair[0]), str(pair[1])) for pair in pairs if len(pair) == 2]
        case _:
            return []


def _values(written: object) -> list[object]:
    return cast("list[object]", written) if isinstance(written, list) else [written]
