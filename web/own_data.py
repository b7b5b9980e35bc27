"""One's own data: the copy as an archive, and the page under which a customer fetches it by the link that we sent."""

from __future__ import annotations

import asyncio
import re
import zipfile
from collections.abc import AsyncIterator
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import IO, Any, Final, cast
from urllib.parse import urlsplit

import orjson
from aiohttp import web

from desk import copies, own_data
from desk.copies import AT_ONCE, Attached, Copy
from desk.refusals import NotFound
from storage.commits import Transaction
from web.console import texts
from web.console.guard import HEADERS
from web.console.house import House
from web.console.visit import masked, pages, speaker

PIECE: Final = 1 << 16
"""Bytes of an attachment in memory at once."""
_UNSAFE = re.compile(r"[^\w.\- ]+")


class _Outlet:
    """Takes what a ZIP archive writes, which never looks back, until it is sent on."""

    def __init__(self) -> None:
        self._waiting = BytesIO()
        self._sent = 0

    def write(self, data: bytes) -> int:
        return self._waiting.write(data)

    def tell(self) -> int:
        return self._sent + self._waiting.tell()

    def flush(self) -> None:
        pass

    def take(self) -> bytes:
        data = self._waiting.getvalue()
        self._sent += len(data)
        self._waiting = BytesIO()
        return data


async def archive(house: House, copy: Copy, language: str) -> AsyncIterator[bytes]:
    """The archive, piece by piece: what a person reads, what a program reads, every file, and each message as it
    came to us. A file that is not on disk any more is named in `missing.txt`."""
    outlet = _Outlet()
    missing: list[str] = []
    with zipfile.ZipFile(cast("IO[bytes]", outlet), "w", zipfile.ZIP_DEFLATED) as packed:
        html = page(house, copy, language)
        packed.writestr("index.html", html)
        packed.writestr("data.json", orjson.dumps(_document(copy), default=str, option=orjson.OPT_INDENT_2))
        yield outlet.take()
        for attached in copy.attached:
            blob = await house.blob(attached.sha256)
            if blob is None or not await asyncio.to_thread(blob.path.is_file):
                missing.append(file_name(attached))
                continue
            async for piece in _pack(packed, outlet, blob.path, f"files/{file_name(attached)}"):
                yield piece
        for first in range(0, len(copy.as_received), AT_ONCE):
            some = copy.as_received[first : first + AT_ONCE]
            for identity, raw in await house.look(partial(copies.as_received, contact=copy.contact, interactions=some)):
                await asyncio.to_thread(packed.writestr, f"as-received/{identity}{_ending(raw)}", raw)
                yield outlet.take()
        if missing:
            packed.writestr("missing.txt", "\n".join(missing))
    yield outlet.take()


async def send(request: web.Request, house: House, copy: Copy, language: str) -> web.StreamResponse:
    """The archive as a download."""
    response = web.StreamResponse(headers={**HEADERS, "Content-Type": "application/zip"})
    response.headers["Content-Disposition"] = f'attachment; filename="data-{copy.contact}-{copy.made_at:%Y-%m-%d}.zip"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    pieces = archive(house, copy, language)
    first = await anext(pieces)  # what can fail fails here, while an answer can still say so
    await response.prepare(request)
    await response.write(first)
    async for piece in pieces:
        if piece:
            await response.write(piece)
    await response.write_eof()
    return response


def page(house: House, copy: Copy, language: str) -> str:
    """What a person reads."""
    words = texts.words(language)

    def say(key: str, **values: object) -> str:
        return words[key].format_map(values)

    return (
        pages()
        .get_template("privacy/copy.html")
        .render(
            t=say,
            known=words.__contains__,
            language=language,
            business=house.business(language),
            copy=copy,
            files={attached.sha256: file_name(attached) for attached in copy.attached},
            zone=house.playbook().hours.time_zone,
            masked=masked,
            speaker=speaker,
        )
    )


def file_name(attached: Attached) -> str:
    """Told apart by its message; nothing in it leads out of the folder that it is unpacked into."""
    name = _UNSAFE.sub("_", attached.name).strip(". ") or "file"
    return f"{attached.interaction}-{attached.sha256[:8]}-{name}"


def routes(house: House) -> list[web.AbstractRouteDef]:
    """Open to whoever has the link."""

    async def show(request: web.Request) -> web.StreamResponse:
        return await _show(request, house)

    async def fetch(request: web.Request) -> web.StreamResponse:
        return await _fetch(request, house)

    return [web.get("/my-data/{token}", show), web.post("/my-data/{token}", fetch)]


async def _show(request: web.Request, house: House) -> web.StreamResponse:
    """A page first: programs that look at the links of a mail take nothing by it."""
    token = request.match_info["token"]
    speaks = await house.look(lambda transaction: own_data.opens(transaction, token=token))
    return _door(request, house, speaks)


async def _fetch(request: web.Request, house: House) -> web.StreamResponse:
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc.lower() != house.host(request).lower():
        return _door(request, house, None)
    token, client = request.match_info["token"], house.client(request)

    def open_it(transaction: Transaction) -> Copy:
        contact = own_data.fetched(transaction, token=token, client=client)
        return copies.copy_of(transaction, contact=str(contact))

    try:
        copy = await house.do(open_it)
    except NotFound:
        return _door(request, house, None)
    return await send(request, house, copy, copy.language or texts.USUAL)


def _door(request: web.Request, house: House, speaks: Any) -> web.Response:
    language = str(speaks) if speaks else texts.best_language(request.headers.get("Accept-Language", ""))
    words = texts.words(language)
    html = (
        pages()
        .get_template("privacy/fetch.html")
        .render(t=words.__getitem__, language=language, business=house.business(language), good=bool(speaks))
    )
    return web.Response(
        text=html, content_type="text/html", status=200 if speaks else 404, headers={**HEADERS, "X-Robots-Tag": "none"}
    )


async def _pack(packed: zipfile.ZipFile, outlet: _Outlet, path: Path, name: str) -> AsyncIterator[bytes]:
    with path.open("rb") as source, packed.open(name, "w", force_zip64=True) as target:
        while await asyncio.to_thread(_some, source, target):
            yield outlet.take()
    yield outlet.take()


def _some(source: IO[bytes], target: IO[bytes]) -> bool:
    data = source.read(PIECE)
    target.write(data)
    return bool(data)


def _document(copy: Copy) -> dict[str, Any]:
    files = [
        {"interaction": each.interaction, "file": f"files/{file_name(each)}", "sha256": each.sha256}
        for each in copy.attached
    ]
    return {"contact": copy.contact, "made_at": copy.made_at, **copy.tables, "files": files}


def _ending(raw: bytes) -> str:
    head = raw[:1]
    return ".json" if head in (b"{", b"[") else ".eml" if b":" in raw[:200] and b"\n" in raw[:2000] else ".txt"
