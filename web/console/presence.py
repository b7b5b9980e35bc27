"""Presence: the switch in the bar of every page, and the beat by which a page tells that somebody is behind it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from aiohttp import web

from desk import presence as desk
from desk.presence import Here
from desk.refusals import Unusable
from desk.rights import Right
from storage.presence import State
from web.console.page import post
from web.console.visit import HOME, Visit

STATES: Final = (State.AVAILABLE, State.AWAY, State.OFFLINE)


async def choose(visit: Visit) -> web.Response:
    present, state, after = visit.who, (await visit.form()).get("state", ""), _idle_after(visit)
    try:
        here = await visit.house.do(
            lambda transaction: desk.choose(transaction, present=present, state=state, after=after)
        )
    except Unusable:
        raise web.HTTPUnprocessableEntity from None
    if "HX-Request" not in visit.request.headers:
        return web.Response(status=303, headers={"Location": HOME})
    return _piece(visit, here)


async def beat(visit: Visit) -> web.Response:
    """`idle`: seconds since the page was touched; `shown`: what its switch shows. Nothing, where that is still so."""
    given, present, after = await visit.form(), visit.who, _idle_after(visit)
    idle = float(given["idle"]) if given.get("idle", "").isdecimal() else 0.0
    if await visit.house.look(lambda transaction: desk.worth_noting(transaction, present=present)):
        here = await visit.house.do(
            lambda transaction: desk.heard(transaction, present=present, idle=idle, after=after)
        )
    else:
        here = await _now(visit)
    return web.Response(status=204) if given.get("shown") == _shown(here) else _piece(visit, here)


async def _now(visit: Visit) -> Here:
    staff, after = visit.who.staff, _idle_after(visit)
    return await visit.house.look(lambda transaction: desk.of(transaction, staff=staff, idle=after))


def _piece(visit: Visit, here: Here) -> web.Response:
    return visit.page(
        "routing/presence.html",
        state=here.state,
        because=here.because,
        shown=_shown(here),
        states=STATES,
        idle_after=int(_idle_after(visit).total_seconds()),
        beat=int(desk.BEAT.total_seconds()),
    )


def _shown(here: Here) -> str:
    return f"{here.state} {here.because}"


def _idle_after(visit: Visit) -> timedelta:
    return visit.house.playbook().policy.routing.idle


ROUTES = (
    post("/console/presence", Right.CONVERSE, choose),
    post("/console/presence/beat", Right.CONVERSE, beat),
)
