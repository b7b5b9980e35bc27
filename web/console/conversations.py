"""One conversation: its thread, what is known of the customer, and what an agent can do with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from aiohttp import web

from desk import conversations as desk
from desk import inbox
from desk.inbox import Thread
from desk.refusals import NotFound, Refused, Stale
from desk.rights import Right
from storage.commits import Transaction
from web.console.route import get, post
from web.console.visit import HOME, Visit


async def show(visit: Visit) -> web.Response:
    return await _page(visit)


async def lines(visit: Visit) -> web.Response:
    """The thread alone, as it stands now."""
    try:
        thread = await _thread(visit)
    except NotFound:
        return _gone(visit)
    return visit.page("conversation/thread.html", thread=thread)


async def take(visit: Visit) -> web.Response:
    given = await visit.form()
    colleague = bool(given.get("from_colleague")) and Right.DIRECT in visit.who.rights
    return await _do(visit, desk.take, from_colleague=colleague)


async def reply(visit: Visit) -> web.Response:
    """A word to the customer; with what came in since, where the agent has not seen all."""
    given = await visit.form()
    text = given.get("text", "")
    seen = int(given["seen"]) if given.get("seen", "").isdigit() else None
    return await _do(visit, desk.reply, draft=text, text=text, seen=seen)


async def note(visit: Visit) -> web.Response:
    text = (await visit.form()).get("text", "")
    return await _do(visit, desk.note, draft=text, text=text)


async def handback(visit: Visit) -> web.Response:
    return await _do(visit, desk.handback, text=(await visit.form()).get("text", ""))


async def resolve(visit: Visit) -> web.Response:
    return await _do(visit, desk.resolve)


async def _do(visit: Visit, verb: Callable[..., Any], *, draft: str = "", **arguments: Any) -> web.Response:
    """Carry a verb out, and show what became of it; what was written is not lost with a refusal."""
    number, who = _number(visit), visit.who.name

    def act(transaction: Transaction) -> object:
        return verb(transaction, conversation=number, by=who, **arguments)

    try:
        await visit.house.do(act)
    except NotFound:
        return _gone(visit)
    except Refused as refused:
        unseen = refused.unseen if isinstance(refused, Stale) else ()
        return await _page(visit, status=409, problem=visit.refusal(refused), unseen=unseen, draft=draft)
    return web.Response(status=303, headers={"Location": f"{HOME}/conversations/{number}"})


async def _page(visit: Visit, *, status: int = 200, problem: str | None = None, **facts: Any) -> web.Response:
    try:
        thread = await _thread(visit)
    except NotFound:
        return _gone(visit)
    return visit.page(
        "conversation.html",
        status=status,
        thread=thread,
        problem=problem,
        unseen=facts.get("unseen", ()),
        draft=facts.get("draft", ""),
        private=Right.SEE_PRIVATE in visit.who.rights,
    )


async def _thread(visit: Visit) -> Thread:
    number = _number(visit)
    return await visit.house.look(lambda transaction: inbox.show(transaction, conversation=number))


def _number(visit: Visit) -> int:
    # No id has more digits; and what is far greater is none that a database knows.
    return int(visit.request.match_info["id"][:18])


def _gone(visit: Visit) -> web.Response:
    return visit.page("refused.html", status=404, reason=visit.say("conversation.not_there"))


TALK: Final = "/console/conversations/{id:[0-9]+}"

ROUTES = (
    get(TALK, Right.CONVERSE, show),
    get(f"{TALK}/lines", Right.CONVERSE, lines),
    post(f"{TALK}/take", Right.CONVERSE, take),
    post(f"{TALK}/reply", Right.CONVERSE, reply),
    post(f"{TALK}/note", Right.CONVERSE, note),
    post(f"{TALK}/handback", Right.CONVERSE, handback),
    post(f"{TALK}/resolve", Right.CONVERSE, resolve),
)
