"""Canned replies: the page where they are kept, everybody's by supervisors, one's own by oneself."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from desk import canned as desk
from desk.refusals import NotFound, Refused
from desk.rights import Right
from web.console import texts
from web.console.page import get, post
from web.console.visit import HOME, Visit


async def show(visit: Visit) -> web.Response:
    return await _page(visit)


async def keep(visit: Visit) -> web.Response:
    """Write one, or, with `canned`, write it anew."""
    given, who = await visit.form(), visit.who
    number = int(given["canned"][:18]) if given.get("canned", "").isdigit() else None
    said = {language: given.get(f"text_{language}", "") for language in texts.LANGUAGES}
    shortcut, shared = given.get("shortcut", ""), bool(given.get("shared"))
    try:
        await visit.house.do(
            lambda transaction: desk.keep(
                transaction, who=who, shortcut=shortcut, texts=said, shared=shared, canned=number
            )
        )
    except NotFound:
        return _gone(visit)
    except Refused as refused:
        begun = {"canned": number, "shortcut": shortcut, "shared": shared, "texts": said}
        return await _page(visit, status=409, problem=visit.refusal(refused), begun=begun)
    return web.Response(status=303, headers={"Location": f"{HOME}/canned?done=saved"})


async def forget(visit: Visit) -> web.Response:
    number, who = int(visit.request.match_info["canned"][:18]), visit.who
    try:
        await visit.house.do(lambda transaction: desk.forget(transaction, who=who, canned=number))
    except NotFound:
        return _gone(visit)
    return web.Response(status=303, headers={"Location": f"{HOME}/canned?done=forgotten"})


async def _page(visit: Visit, *, status: int = 200, problem: str | None = None, begun: Any = None) -> web.Response:
    who, done = visit.who, visit.request.query.get("done")
    listed = await visit.house.look(lambda transaction: desk.kept(transaction, who=who))
    return visit.page(
        "canned.html",
        status=status,
        shared=[one for one in listed if not one.own],
        own=[one for one in listed if one.own],
        places=desk.PLACEHOLDERS,
        problem=problem,
        begun=begun,
        done=visit.say("canned.saved")
        if done == "saved"
        else visit.say("canned.forgotten")
        if done == "forgotten"
        else None,
    )


def _gone(visit: Visit) -> web.Response:
    return visit.page("refused.html", status=404, reason=visit.say("refused.NotFound"))


ROUTES = (
    get("/console/canned", Right.CONVERSE, show),
    post("/console/canned", Right.CONVERSE, keep),
    post("/console/canned/{canned:[0-9]+}/forget", Right.CONVERSE, forget),
)
