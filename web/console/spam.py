"""Spam and abuse: the folder, whom we answer no more, and the way back."""

from __future__ import annotations

from functools import partial

from aiohttp import web

from desk import inbox, spam
from desk.refusals import NotFound, Refused
from desk.rights import Right
from storage.commits import Transaction
from web.console.conversations import TALK
from web.console.inbox import channel_name
from web.console.page import get, post
from web.console.visit import HOME, Visit


async def folder(visit: Visit) -> web.Response:
    return await _page(visit)


async def mark(visit: Visit) -> web.Response:
    """A Conversation into the folder; `block`: its Contact is not answered any more."""
    given, by, number = await visit.form(), visit.who.name, _number(visit)
    block, reason = bool(given.get("block")), given.get("reason", "")

    def act(transaction: Transaction) -> object:
        return spam.mark(transaction, conversation=number, by=by, reason=reason, block=block)

    try:
        await visit.house.do(act)
    except NotFound:
        return visit.page("refused.html", status=404, reason=visit.say("conversation.not_there"))
    except Refused as refused:
        return await _page(visit, status=422, problem=visit.refusal(refused))
    return web.Response(status=303, headers={"Location": f"{HOME}/spam"})


async def not_spam(visit: Visit) -> web.Response:
    by, number = visit.who.name, _number(visit)
    try:
        back = await visit.house.do(lambda transaction: spam.not_spam(transaction, conversation=number, by=by))
    except NotFound:
        return visit.page("refused.html", status=404, reason=visit.say("conversation.not_there"))
    except Refused as refused:
        return await _page(visit, status=422, problem=visit.refusal(refused))
    return web.Response(status=303, headers={"Location": f"{HOME}/conversations/{back.goes_on_in}"})


async def _page(visit: Visit, *, status: int = 200, problem: str | None = None) -> web.Response:
    return visit.page(
        "spam/page.html",
        status=status,
        listed=await visit.house.look(inbox.spam),
        blocked=await visit.house.look(spam.blocked),
        channel=partial(channel_name, visit),
        zone=visit.house.playbook().hours.time_zone,
        problem=problem,
    )


def _number(visit: Visit) -> int:
    return int(visit.request.match_info["id"][:18])


ROUTES = (
    get("/console/spam", Right.CONVERSE, folder),
    post(f"{TALK}/spam", Right.CONVERSE, mark),
    post(f"{TALK}/not-spam", Right.CONVERSE, not_spam),
)
