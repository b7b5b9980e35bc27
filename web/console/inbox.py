"""The inbox: who waits for a person, in the order in which they should be answered."""

from __future__ import annotations

from aiohttp import web

from desk import inbox as desk
from desk.rights import Right
from web.console.route import get
from web.console.visit import HOME, Visit


async def home(visit: Visit) -> web.Response:
    """Where somebody's work begins."""
    if Right.CONVERSE in visit.who.rights:
        return web.Response(status=303, headers={"Location": f"{HOME}/inbox"})
    return visit.page("home.html")


async def inbox(visit: Visit) -> web.Response:
    """`?view=`: mine, unassigned or all. A piece of it alone, where the page renews itself."""
    view = visit.request.query.get("view", "all")
    listed = await visit.house.look(desk.queue)
    mine = [one for one in listed if one.agent == visit.who.name]
    unassigned = [one for one in listed if one.agent is None]
    views = {"mine": mine, "unassigned": unassigned, "all": listed}
    whole = "HX-Request" not in visit.request.headers
    return visit.page(
        "inbox.html" if whole else "inbox_list.html",
        view=view if view in views else "all",
        listed=views.get(view, listed),
        counts={name: len(found) for name, found in views.items()},
        private=Right.SEE_PRIVATE in visit.who.rights,
    )


ROUTES = (
    get("/console", Right.BE_HERE, home),
    get("/console/inbox", Right.CONVERSE, inbox),
)
