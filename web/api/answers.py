"""Answers: JSON with what may be seen, and problems as RFC 9457 has them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from http import HTTPStatus
from typing import Any, Final, cast

import orjson
from aiohttp import web
from pydantic import ValidationError

from desk.programs import KeyReused
from desk.refusals import NotFound, Refused, Stale, Unusable
from web.api.call import ROOT
from web.console.reports import harmless
from web.console.visit import masked

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}

_ADDRESSES = frozenset({"address", "uri", "addresses", "email"})
_FREE_WORDS = frozenset({"facts", "summary", "proposal", "evidence"})
_WORDS = _FREE_WORDS | {"text", "attachments", "subject", "promises", "name"}
# Bounded by RFC 5321, 4.5.3.1: without an end, a word of 20,000 letters took ten seconds.
_MAIL = re.compile(r"([\w.+-]{1,2})[\w.+-]{0,64}@([\w-]{1,63}(?:\.[\w-]{1,63})+)")
_PHONE = re.compile(r"(?<![\w.])(\+\d{1,3}[\d\s-]{2}|1[3-9]\d)[\d\s-]{5,}(\d\d)(?![\w.])")


def answer(
    body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None, media: str = JSON
) -> web.Response:
    charset = None if media == JSON else "utf-8"
    return web.Response(
        body=body, status=status, content_type=media, charset=charset, headers={**HEADERS, **(headers or {})}
    )


def as_table(lines: Sequence[Any]) -> bytes:
    """Lines as CSV (RFC 4180), without a cell that a spreadsheet takes for a formula."""
    written = io.StringIO()
    writer = csv.writer(written)
    if lines:
        names = [each.name for each in fields(lines[0])]
        writer.writerow(names)
        for line in lines:
            cells = (getattr(line, name) for name in names)
            writer.writerow(harmless("" if cell is None else str(cell)) for cell in cells)
    return written.getvalue().encode()


def problem(
    status: int, kind: str, sentence: str, *, headers: Mapping[str, str] | None = None, **more: Any
) -> web.Response:
    """`kind`: a word of ours that programs can go by; `sentence`: what a person should know."""
    said = {
        "type": f"{ROOT}/docs#{kind}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": sentence,
        "kind": kind,
        **more,
    }
    return web.Response(
        body=orjson.dumps(said, default=str),
        status=status,
        content_type=PROBLEM,
        headers={**HEADERS, **(headers or {})},
    )


def refusal(refused: Refused) -> web.Response:
    """Why a verb was not carried out."""
    kind = type(refused).__name__
    match refused:
        case NotFound():
            return problem(404, kind, str(refused))
        case Stale():
            return problem(409, kind, str(refused), unseen=refused.unseen)
        case KeyReused() | Unusable():
            return problem(422, kind, str(refused))
        case _:
            return problem(409, kind, str(refused))


def mistakes(error: ValidationError, where: str) -> web.Response:
    """What does not fit, each with its place."""
    found = [
        {"where": where, "name": ".".join(str(part) for part in each["loc"]), "what": each["msg"]}
        for each in error.errors(include_input=False, include_url=False, include_context=False)
    ]
    first = found[0]
    sentence = f"{first['name']}: {first['what']}" if first["name"] else first["what"]
    return problem(422, "Invalid", sentence, mistakes=found)


def hidden(value: Any, within: str = "") -> Any:
    """An answer without private data, as a role that may not see it has it in the console."""
    match value:
        case dict():
            entries = cast("dict[str, Any]", value)
            return {key: hidden(each, _place(key, within)) for key, each in entries.items()}
        case list():
            return [hidden(each, within) for each in cast("list[Any]", value)]
        case str() if within in _ADDRESSES:
            return masked(value)
        case str() if within in _FREE_WORDS:
            return _PHONE.sub(r"\1…\2", _MAIL.sub(r"\1…@\2", value))
        case _:
            return value


def _place(key: str, within: str) -> str:
    """What stands in facts is in them however deep; an address has facts of its own."""
    return within if within in _FREE_WORDS and key not in _ADDRESSES else key


def wordless(value: Any, within: str = "") -> Any:
    """An answer in its shape, without anything that somebody has written."""
    match value:
        case dict():
            entries = cast("dict[str, Any]", value)
            return {key: wordless(each, key) for key, each in entries.items()} if within not in _WORDS else {}
        case list():
            return [wordless(each) for each in cast("list[Any]", value)] if within not in _WORDS else []
        case str() if within in _WORDS:
            return ""
        case _:
            return value
