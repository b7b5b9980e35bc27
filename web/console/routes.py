"""All that can be asked of the console, and the right that each takes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from aiohttp import web

from desk.rights import Right
from web.console import account, colleagues, conversations, door, inbox
from web.console.guard import Page, Route, guarded
from web.console.house import House
from web.console.live import Live

STATIC = Path(__file__).parent / "static"

_COLLEAGUE: Final = "/console/staff/{id:[0-9]+}"
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
    _get("/console/account", Right.BE_HERE, account.account),
    _post("/console/account/password", Right.BE_HERE, account.change_password),
    _post("/console/account/language", Right.BE_HERE, account.set_language),
    _post("/console/account/sessions", Right.BE_HERE, account.end_other_sessions),
    _post("/console/account/second-factor/new", Right.BE_HERE, account.begin_second_factor),
    _post("/console/account/second-factor", Right.BE_HERE, account.set_second_factor),
    _post("/console/account/second-factor/end", Right.BE_HERE, account.end_second_factor),
    _get("/console/staff", Right.MANAGE_STAFF, colleagues.colleagues),
    _post("/console/staff", Right.MANAGE_STAFF, colleagues.invite),
    _post(f"{_COLLEAGUE}/roles", Right.MANAGE_STAFF, colleagues.change_roles),
    _post(f"{_COLLEAGUE}/reset", Right.MANAGE_STAFF, colleagues.reset),
    _post(f"{_COLLEAGUE}/let-go", Right.MANAGE_STAFF, colleagues.let_go),
    _post(f"{_COLLEAGUE}/take-back", Right.MANAGE_STAFF, colleagues.take_back),
    _get("/console/audit", Right.READ_AUDIT, colleagues.audit),
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
