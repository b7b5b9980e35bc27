"""Transfer: passing a conversation on to a colleague, to a team, or back to whoever is free."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from bot.routing import RoutingRules
from desk import teams
from desk.inbox import Thread
from desk.inbox import show as open_thread
from desk.presence import State
from desk.refusals import NotFound, Refused, Unusable
from desk.rights import Right
from desk.sight import Kind, sees
from desk.teams import Colleague, TeamFacts
from desk.transfer import transfer as verb
from storage.commits import Transaction
from storage.conversations import ConversationState, Owner
from web.console.page import get, post
from web.console.visit import HOME, Visit

HERE_FIRST: Final = {State.AVAILABLE: 0, State.AWAY: 1, State.OFFLINE: 2}


async def form(visit: Visit) -> web.Response:
    """The form; empty where there is nothing to pass on."""
    return await _form(visit)


async def transfer(visit: Visit) -> web.Response:
    """`where`: `person:3`, `team:2` or `queue`; `text`: a note; `back`: `board`, if it was done from there."""
    number, by, given = _number(visit), visit.who.name, await visit.form()
    directs = Right.DIRECT in visit.who.rights

    def act(transaction: Transaction) -> object:
        to, team = _target(given.get("where", ""))
        text = given.get("text", "")
        return verb(transaction, conversation=number, by=by, to=to, team=team, text=text, from_colleague=directs)

    try:
        await visit.house.do(act)
    except Refused as refused:
        return await _form(visit, status=409, problem=visit.refusal(refused), given=given)
    where = f"{HOME}/board" if given.get("back") == "board" and directs else f"{HOME}/conversations/{number}"
    if visit.sight.closed and not await _still_seen(visit, number):
        where = f"{HOME}/inbox"  # it is of a team now that keeps what it has to itself
    if "HX-Request" in visit.request.headers:
        return web.Response(status=204, headers={"HX-Redirect": where})
    return web.Response(status=303, headers={"Location": where})


async def _still_seen(visit: Visit, conversation: int) -> bool:
    return await visit.house.look(lambda transaction: sees(transaction, Kind.CONVERSATION, conversation))


async def _form(
    visit: Visit, *, status: int = 200, problem: str | None = None, given: Mapping[str, str] | None = None
) -> web.Response:
    number, rules = _number(visit), visit.house.playbook().policy.routing
    filled_in = visit.request.query if given is None else given

    def look(transaction: Transaction) -> tuple[Thread, list[Colleague], list[TeamFacts]]:
        thread = open_thread(transaction, conversation=number, limit=1)
        return thread, _colleagues(transaction, rules), teams.every_team(transaction)

    try:
        thread, people, groups = await visit.house.look(look)
    except NotFound:
        return visit.page("refused.html", status=404, reason=visit.say("conversation.not_there"))
    mine = thread.owner is not Owner.AGENT or thread.agent == visit.who.name
    return visit.page(
        "routing/transfer.html",
        status=status,
        thread=thread,
        may=thread.state is ConversationState.OPEN and (mine or Right.DIRECT in visit.who.rights),
        colleagues=[one for one in people if one.name != thread.agent],
        teams=groups,
        problem=problem,
        note="" if given is None else given.get("text", ""),
        back=filled_in.get("back", ""),
    )


def _colleagues(transaction: Transaction, rules: RoutingRules) -> list[Colleague]:
    """Those who are here first."""
    people = teams.colleagues(transaction, rules=rules)
    return sorted(people, key=lambda one: (HERE_FIRST[one.here.state], one.name))


def _target(where: str) -> tuple[int | None, int | None]:
    """A person's and a team's number. Raises Unusable."""
    kind, _, number = where.partition(":")
    if where == "queue":
        return None, None
    if kind not in ("person", "team") or not (number.isascii() and number.isdecimal()):
        raise Unusable("to whom?")
    return (int(number[:18]), None) if kind == "person" else (None, int(number[:18]))


def _number(visit: Visit) -> int:
    return int(visit.request.match_info["id"][:18])


ROUTES = (
    get("/console/conversations/{id:[0-9]+}/transfer", Right.CONVERSE, form),
    post("/console/conversations/{id:[0-9]+}/transfer", Right.CONVERSE, transfer),
)
