"""Prevention: which causes come back, what is done about each, and whether it helped."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time
from typing import Any, Final

from aiohttp import web

from desk import causes, staff
from desk.refusals import NotFound, Refused
from desk.rights import Right
from storage.commits import Transaction
from web.console.case_words import words_of
from web.console.page import get, post
from web.console.visit import HOME, Visit

END_OF_DAY: Final = time(23, 59)


async def overview(visit: Visit) -> web.Response:
    return await _page(visit)


async def plan(visit: Visit) -> web.Response:
    given, book = await visit.form(), visit.house.playbook()
    try:
        day = datetime.fromisoformat(given.get("due", "")).date()
    except ValueError:
        return await _page(visit, status=422, given=given, problem=visit.say("refused.NoSuchTime"))
    return await _do(
        visit,
        causes.plan,
        playbook=book,
        cause=given.get("cause", ""),
        action=given.get("action", ""),
        owner=given.get("owner", ""),
        due=datetime.combine(day, END_OF_DAY, book.hours.time_zone),
    )


async def done(visit: Visit) -> web.Response:
    return await _finish(visit, done=True)


async def drop(visit: Visit) -> web.Response:
    return await _finish(visit, done=False)


async def _finish(visit: Visit, *, done: bool) -> web.Response:
    action = int(visit.request.match_info["id"][:18])
    return await _do(visit, causes.finish, action=action, done=done, note=(await visit.form()).get("note", ""))


async def _do(visit: Visit, verb: Callable[..., Any], **arguments: Any) -> web.Response:
    by = visit.who

    def act(transaction: Transaction) -> object:
        return verb(transaction, by=by, **arguments)

    try:
        await visit.house.do(act)
    except NotFound:
        return visit.page("refused.html", status=404, reason=visit.say("cause.not_there"))
    except Refused as refused:
        return await _page(visit, status=409, given=await visit.form(), problem=visit.refusal(refused))
    return web.Response(status=303, headers={"Location": f"{HOME}/causes"})


async def _page(visit: Visit, *, status: int = 200, problem: str | None = None, **more: Any) -> web.Response:
    by, playbook = visit.who, visit.house.playbook()
    found = await visit.house.look(lambda transaction: causes.overview(transaction, by=by, playbook=playbook))
    people = await visit.house.look(staff.colleagues)
    return visit.page(
        "case/causes.html",
        status=status,
        overview=found,
        problem=problem,
        given=more.get("given", {}),
        owners=[one.name for one in people if one.left_at is None],
        words=words_of(visit),
    )


ROUTES = (
    get("/console/causes", Right.CONVERSE, overview),
    post("/console/causes", Right.DIRECT, plan),
    post("/console/causes/actions/{id:[0-9]+}/done", Right.CONVERSE, done),
    post("/console/causes/actions/{id:[0-9]+}/drop", Right.CONVERSE, drop),
)
