"""Files: in by `/upload`, out by links that we signed."""

from __future__ import annotations

import asyncio
from collections import Counter

import orjson
from aiohttp import web

from channels.envelope import Attachment
from channels.webchat.answers import in_json
from channels.webchat.entrance import Entrance
from channels.webchat.files import EXTENSIONS, download_headers, kind_of, safe_name, sniff
from channels.webchat.frames import SHA256, ErrorCode, Refused
from channels.webchat.identity import Signer
from channels.webchat.reception import RETRY_SECONDS, Reception
from channels.webchat.request import RequestGuest
from channels.webchat.stream import Registry

UPLOAD_SECONDS = 300
UPLOADS_AT_ONCE = 4
"""Uploads from one client address that may be under way together: each is in memory until it is kept."""
UPLOAD_COST = 3


class Uploads:
    """The routes `/upload` and `/file`."""

    def __init__(self, entrance: Entrance, signer: Signer, registry: Registry) -> None:
        self._entrance = entrance
        self._signer = signer
        self._registry = registry
        self._under_way: Counter[str] = Counter()

    async def take(self, request: web.Request) -> web.Response:
        """Keep one file; its reference goes into a message's `attachments`."""
        reception = self._entrance.open()
        guest = self._entrance.guest(request, reception)
        reception.spend(guest.visitor, guest.client, cost=UPLOAD_COST)
        content = await self._content(request, reception, guest)
        content_type = sniff(content)
        if content_type not in reception.settings.upload_types:
            raise Refused(ErrorCode.BAD_TYPE)
        blob = await reception.port.keep(content, content_type=content_type)
        attachment = Attachment(
            kind=kind_of(content_type),
            id=blob.sha256,
            name=safe_name(request.query.get("name", ""), content_type),
            content_type=content_type,
            size=blob.size,
        )
        fields = {
            "id": self._signer.reference(guest.visitor, attachment),
            "kind": attachment.kind.value,
            "name": attachment.name,
            "content_type": content_type,
            "size": blob.size,
            "url": self._registry.linker(reception.now())(attachment),
        }
        return in_json(orjson.dumps(fields))

    async def _content(self, request: web.Request, reception: Reception, guest: RequestGuest) -> bytes:
        if self._under_way[guest.client] >= UPLOADS_AT_ONCE:
            raise Refused(ErrorCode.TOO_MANY, retry_after=RETRY_SECONDS)
        self._under_way[guest.client] += 1
        try:
            async with asyncio.timeout(UPLOAD_SECONDS):
                return await self._entrance.body(request, reception, reception.settings.upload_limit, guest.visitor)
        except TimeoutError as exc:
            raise Refused(ErrorCode.UNAVAILABLE, retry_after=RETRY_SECONDS) from exc
        finally:
            self._under_way[guest.client] -= 1
            if not self._under_way[guest.client]:
                del self._under_way[guest.client]

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show a file to whoever holds a link that we signed for its visitor."""
        reception = self._entrance.open()
        sha256, query = request.match_info["sha256"], request.query
        name = query.get("name", "")
        self._signer.check_file(sha256, query.get("expires", ""), name, query.get("signature", ""), reception.now())
        blob = await reception.port.blob(sha256) if SHA256.fullmatch(sha256) else None
        if blob is None:
            raise Refused(ErrorCode.BAD_LINK)
        content_type = blob.content_type if blob.content_type in EXTENSIONS else "application/octet-stream"
        return web.FileResponse(blob.path, headers=download_headers(content_type, name))
