"""All that can be asked of the console. Each part of it names its own routes, and the right that each takes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from aiohttp import web

from desk.rights import Right
from web.console import (
    account,
    alerts,
    attachments,
    board,
    canned,
    cases,
    causes,
    colleagues,
    company,
    contacts,
    conversations,
    door,
    inbox,
    learning,
    openid,
    presence,
    privacy,
    programs,
    reports,
    search,
    spam,
    teams,
    transfer,
    writing,
)
from web.console.guard import guarded
from web.console.house import House
from web.console.live import Live
from web.console.page import Route, get

STATIC = Path(__file__).parent / "static"

# aiohttp looks through them in this order: what pages renew themselves by comes first.
ROUTES: Final[Sequence[Route]] = (
    *conversations.ROUTES,
    *inbox.ROUTES,
    *door.ROUTES,
    *openid.ROUTES,
    *account.ROUTES,
    *alerts.ROUTES,
    *reports.ROUTES,
    *learning.ROUTES,
    *colleagues.ROUTES,
    *company.ROUTES,
    *cases.ROUTES,
    *causes.ROUTES,
    *writing.ROUTES,
    *attachments.ROUTES,
    *canned.ROUTES,
    *search.ROUTES,
    *contacts.ROUTES,
    *spam.ROUTES,
    *privacy.ROUTES,
    *presence.ROUTES,
    *transfer.ROUTES,
    *teams.ROUTES,
    *board.ROUTES,
    *programs.ROUTES,
)


def console_routes(house: House, live: Live) -> Sequence[web.AbstractRouteDef]:
    """What the application serves under /console."""
    every = [*ROUTES, get("/console/events", Right.BE_HERE, live.events)]
    served = [web.route(route.method, route.path, guarded(route, house)) for route in every]
    return [*served, web.static("/console/static", STATIC)]
