"""Parts of the application that are loaded when somebody first asks for one: what nobody uses takes no memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NoReturn

from aiohttp import web

Load = Callable[[], Iterable[web.AbstractRouteDef]]


class Later(web.AbstractResource):
    """Everything under a path, as aiohttp looks for it."""

    def __init__(self, path: str, load: Load) -> None:
        """`load`: imports the part, and says what it serves."""
        super().__init__()
        self._path: Final = path
        self._load = load
        self._loading = asyncio.Lock()
        self._routes: web.UrlDispatcher | None = None

    @property
    def canonical(self) -> str:
        return self._path

    async def resolve(self, request: web.Request) -> tuple[web.UrlMappingMatchInfo | None, set[str]]:
        """Which route of the part answers; and, where none does, by which methods one would."""
        if self._routes is None:
            async with self._loading:
                # Importing takes half a second, in which conversations go on.
                await asyncio.to_thread(self._loaded)
        found = await self._loaded().resolve(request)
        match found.http_exception:
            case None:
                return found, set()
            case web.HTTPMethodNotAllowed(allowed_methods=allowed):
                return None, set(allowed)
            case _:
                return None, set()

    def _loaded(self) -> web.UrlDispatcher:
        if self._routes is None:
            routes = web.UrlDispatcher()
            routes.add_routes(self._load())
            self._routes = routes
        return self._routes

    def __iter__(self) -> Iterator[web.AbstractRoute]:
        return iter(self._loaded().routes())

    def __len__(self) -> int:
        return len(self._loaded().routes())

    def get_info(self) -> Any:
        return {"prefix": self._path}

    def raw_match(self, path: str) -> bool:
        return path == self._path

    def add_prefix(self, prefix: str) -> NoReturn:
        raise RuntimeError("a part knows its own paths")

    def url_for(self, **_: str) -> NoReturn:
        raise RuntimeError("a part has many addresses")
