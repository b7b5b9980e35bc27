"""Teams: who works together on what, and what each colleague can do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from aiohttp import web

from bot.authority import TIERS
from desk import teams as desk
from desk.choice import SPOKEN
from desk.refusals import Refused, Unusable
from desk.rights import Right
from desk.teams import Colleague, TeamFacts
from desk.topics import Topic
from storage.commits import Transaction
from web.console.inbox import channel_name
from web.console.page import get, post
from web.console.visit import HOME, Visit

LANGUAGES: Final = ("zh-Hans", "zh-Hant", "en")
TAKES: Final = ("languages", "channels", "tiers", "topics")


async def teams(visit: Visit) -> web.Response:
    return await _page(visit)


async def make(visit: Visit) -> web.Response:
    takes, members = await _given(visit)
    form = await visit.form()
    return await _do(
        visit,
        desk.make,
        name=form.get("name", ""),
        takes=takes,
        members=members,
        members_only=bool(form.get("members_only")),
    )


async def change(visit: Visit) -> web.Response:
    takes, members = await _given(visit)
    form = await visit.form()
    return await _do(
        visit,
        desk.change,
        team=_number(visit),
        name=form.get("name", ""),
        takes=takes,
        members=members,
        members_only=bool(form.get("members_only")),
    )


async def close(visit: Visit) -> web.Response:
    return await _do(visit, desk.close, team=_number(visit))


async def set_skills(visit: Visit) -> web.Response:
    given = await visit.request.post()
    words = (await visit.form()).get("capacity", "").strip()
    if words and not (words.isascii() and words.isdecimal()):
        return await _page(visit, status=422, problem=visit.refusal(Unusable("a capacity is a number")))
    return await _do(
        visit,
        desk.set_skills,
        staff=_number(visit),
        languages=[str(word) for word in given.getall("languages", [])],
        topics=[str(word) for word in given.getall("topics", [])],
        capacity=int(words[:9]) if words else None,
    )


async def _given(visit: Visit) -> tuple[Mapping[str, Sequence[str]], Sequence[int]]:
    """What a team takes, and who is in it, as its form says."""
    form = await visit.request.post()
    takes = {key: [str(word) for word in form.getall(key, [])] for key in TAKES}
    numbers = [str(word) for word in form.getall("members", [])]
    return takes, [int(word[:18]) for word in numbers if word.isascii() and word.isdecimal()]


async def _do(visit: Visit, verb: Callable[..., object], **arguments: Any) -> web.Response:
    by = visit.who

    def act(transaction: Transaction) -> object:
        return verb(transaction, by=by, **arguments)

    try:
        await visit.house.do(act)
    except Refused as refused:
        return await _page(visit, status=422, problem=visit.refusal(refused))
    return web.Response(status=303, headers={"Location": f"{HOME}/teams"})


async def _page(visit: Visit, *, status: int = 200, problem: str | None = None) -> web.Response:
    rules = visit.house.playbook().policy.routing

    def look(transaction: Transaction) -> tuple[list[TeamFacts], list[Colleague]]:
        return desk.every_team(transaction), desk.colleagues(transaction, rules=rules)

    every, people = await visit.house.look(look)
    assert set(LANGUAGES) == SPOKEN
    return visit.page(
        "routing/teams.html",
        status=status,
        teams=every,
        people=people,
        names={one.staff: one.name for one in people},
        spoken=LANGUAGES,
        tiers=TIERS,
        topics=tuple(Topic),
        channels=tuple(visit.house.channels),
        channel=partial(channel_name, visit),
        usual=rules.capacity,
        problem=problem,
    )


def _number(visit: Visit) -> int:
    return int(visit.request.match_info["id"][:18])


ROUTES = (
    get("/console/teams", Right.ARRANGE, teams),
    post("/console/teams", Right.ARRANGE, make),
    post("/console/teams/{id:[0-9]+}", Right.ARRANGE, change),
    post("/console/teams/{id:[0-9]+}/close", Right.ARRANGE, close),
    post("/console/teams/people/{id:[0-9]+}", Right.ARRANGE, set_skills),
)
