"""All that can be asked of the console, and the right that each takes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from aiohttp import web

from desk.rights import Right
from web.console import conversations, door, inbox
from web.console.guard import Page, Route, guarded
from web.console.house import House
from web.console.live import Live

STATIC = Path(__file__).parent / "static"

_TALK: Final = "/console/conversations/{id:[0-9]+}"


def _get(path: str, right: Right | None, page: Page) -> Route:
    return Route(method="GET", path=path, right=right, page=page)


def _post(path: str, right: Right | None, page: Page) -> Route:
    return Route(method="POST", path=path, right=right, page=page)


ROUTES: Final[Sequence[Route]] = (
    _get("/console/login", None, door.login_page),
    _post("/console/login", None, door.login),
    _post("/console/code", None, door.code),
    _get("/console/come-in/{token}", None, door.arrival_page),
    _post("/console/come-in/{token}", None, door.arrival),
    _post("/console/logout", Right.BE_HERE, door.logout),
    _get("/console", Right.BE_HERE, inbox.home),
    _get("/console/inbox", Right.CONVERSE, inbox.inbox),
    _get(_TALK, Right.CONVERSE, conversations.show),
    _get(f"{_TALK}/lines", Right.CONVERSE, conversations.lines),
    _post(f"{_TALK}/take", Right.CONVERSE, conversations.take),
    _post(f"{_TALK}/reply", Right.CONVERSE, conversations.reply),
    _post(f"{_TALK}/note", Right.CONVERSE, conversations.note),
    _post(f"{_TALK}/handback", Right.CONVERSE, conversations.handback),
    _post(f"{_TALK}/resolve", Right.CONVERSE, conversations.resolve),
)


def console_routes(house: House, live: Live) -> Sequence[web.AbstractRouteDef]:
    """What the application serves under /console."""
    every = [*ROUTES, _get("/console/events", Right.BE_HERE, live.events)]
    served = [web.route(route.method, route.path, guarded(route, house)) for route in every]
    return [*served, web.static("/console/static", STATIC)]
