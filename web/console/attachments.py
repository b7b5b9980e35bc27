"""Attachments and letters: what customers sent, shown so that nothing of it runs, and nothing else is reached by it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from aiohttp import web

from channels.mail.message import TooLarge, Unreadable, parse
from channels.protocol import Blob, StorageUnavailable
from desk import thread
from desk.refusals import NotFound
from desk.rights import Right
from web.console.conversations import TALK, gone, number
from web.console.filetypes import ANY, HEAD, SHOWN, type_of
from web.console.page import get
from web.console.visit import Visit

LARGEST_LETTER: Final = 1_000_000
"""Bytes of a mail that is taken apart while somebody waits; what is larger would hold the conversations up."""
_HASH: Final = 64
_ALONE: Final = "default-src 'none'; sandbox; frame-ancestors 'none'"
_LETTER: Final = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox allow-popups allow-popups-to-escape-sandbox;"
    " frame-ancestors 'self'; form-action 'none'; base-uri 'none'"
)
"""Inline styles are what a mail is laid out with; it loads nothing, runs nothing, sends nothing and knows no cookie."""


async def file(visit: Visit) -> web.StreamResponse:
    """One attachment of one line of this conversation: pictures and voices shown, all else for download."""
    conversation, match = number(visit), visit.request.match_info
    interaction, place = int(match["line"][:18]), int(match["place"][:4])
    try:
        attachment = await visit.house.look(
            lambda transaction: thread.attachment(
                transaction, conversation=conversation, interaction=interaction, place=place
            )
        )
        blob = await _blob(visit, str(attachment.get("id", "")))
    except NotFound:
        return gone(visit)
    if blob is None or not blob.path.is_file():
        return visit.page("refused.html", status=404, reason=visit.say("conversation.no_file"))
    return await _served(blob, attachment)


async def letter(visit: Visit) -> web.Response:
    """The layout of a mail, for a frame that can do nothing."""
    conversation, interaction = number(visit), int(visit.request.match_info["line"][:18])
    try:
        raw, kept = await visit.house.look(
            lambda transaction: thread.payload(transaction, conversation=conversation, interaction=interaction)
        )
        content = await _whole(visit, raw, kept)
        html = None if content is None else await asyncio.to_thread(_layout, content)
    except NotFound:
        return gone(visit)
    except (TooLarge, Unreadable):
        html = None
    if html is None:
        return visit.page("refused.html", status=404, reason=visit.say("conversation.no_layout"))
    headers = {"Content-Security-Policy": _LETTER, "X-Frame-Options": "SAMEORIGIN", "X-Content-Type-Options": "nosniff"}
    return web.Response(
        text=f'<!doctype html><meta charset="utf-8"><base target="_blank">{html}',
        content_type="text/html",
        headers=headers,
    )


async def _blob(visit: Visit, digest: str) -> Blob | None:
    """Only a hash names a blob: nothing that somebody wrote into a message leads anywhere else."""
    if len(digest) != _HASH or not set(digest) <= set("0123456789abcdef"):
        return None
    try:
        return await visit.house.blob(digest)
    except StorageUnavailable:
        return None


async def _served(blob: Blob, attachment: Mapping[str, Any]) -> web.StreamResponse:
    found = type_of(await asyncio.to_thread(_head, blob.path), attachment.get("content_type"))
    shown = found in SHOWN
    name = str(attachment.get("name") or "file").replace("\r", "").replace("\n", "")
    plain = "".join(each if each.isascii() and each.isprintable() and each not in '"\\;' else "_" for each in name)
    manner = "inline" if shown else "attachment"
    return web.FileResponse(
        blob.path,
        headers={
            "Content-Type": found if shown else ANY,
            "Content-Disposition": f"{manner}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
            "Content-Security-Policy": _ALONE,
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
            # Its content never changes; whose eyes it is for is asked each time somebody else logs in.
            "Cache-Control": "private, max-age=3600",
        },
    )


def _head(path: Path) -> bytes:
    with path.open("rb") as opened:
        return opened.read(HEAD)


async def _whole(visit: Visit, raw: bytes | None, kept: str | None) -> bytes | None:
    if kept is None:
        return raw if raw is not None and len(raw) <= LARGEST_LETTER else None
    blob = await _blob(visit, kept)
    if blob is None or blob.size > LARGEST_LETTER:
        return None
    return await asyncio.to_thread(blob.path.read_bytes)


def _layout(raw: bytes) -> str | None:
    return parse(raw).html


ROUTES = (
    get(f"{TALK}/files/{{line:[0-9]+}}/{{place:[0-9]+}}", Right.CONVERSE, file),
    get(f"{TALK}/letters/{{line:[0-9]+}}", Right.CONVERSE, letter),
)
