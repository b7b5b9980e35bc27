"""The inbox: who waits for a person, in the order in which they should be answered, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote, urlencode

from aiohttp import web
from markupsafe import Markup

from bot.effects import HandOffReason
from desk import lists
from desk import views as saving
from desk.inbox import Listed
from desk.lists import A_PIECE, FILTERS, OF_PEOPLE, Filters, Piece, View
from desk.reasons import in_words
from desk.refusals import Refused
from desk.rights import Right
from desk.urgency import Reason, Why, reasons
from desk.views import Saved
from nlu.understanding import Language
from storage.commits import Transaction
from storage.teams import teams_of
from web.console import texts
from web.console.page import get, post
from web.console.visit import HOME, Visit, pages

LISTS: Final = f"{HOME}/inbox"
TIERS: Final = ("key", "ordinary", "small", "not_to_win_back")
KINDS: Final = ("complaint", "request", "inquiry")
LOUD: Final = (Why.LATE, Why.DEADLINE, Why.ANGRY, Why.LEGAL, Why.URGENT)
"""Reasons that are shown as warnings."""
TIMES_HOLD: Final = 5
"""Seconds for which a row may say the same time: what it says is minutes."""
SAID: Final = (HandOffReason.ANGER, HandOffReason.LEGAL)
"""Why they were handed over, where the urgency says the same."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Beside:
    """What a list needs from the database beside itself."""

    teams: Mapping[str, str]
    """All living ones: id to name."""
    mine: Sequence[int]
    saved: Sequence[Saved]
    piece: Piece | None
    """Of what people do not have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Tab:
    """One view to choose."""

    name: str
    href: str
    count: int | None
    current: bool
    key: str = ""
    """To press after `g`."""
    saved: Saved | None = None


async def home(visit: Visit) -> web.Response:
    """Where somebody's work begins."""
    if Right.CONVERSE in visit.who.rights:
        return web.Response(status=303, headers={"Location": LISTS})
    return visit.page("home.html")


async def inbox(visit: Visit) -> web.Response:
    """`?view=` and filters. A piece of it alone, where the page renews itself or goes on."""
    return await _page(visit)


async def save(visit: Visit) -> web.Response:
    """Keep the list that is shown under a name."""
    given, who = await visit.form(), visit.who
    name, shared = given.get("name", ""), bool(given.get("shared"))
    try:
        await visit.house.do(
            lambda transaction: saving.save(transaction, by=who, name=name, query=given, shared=shared)
        )
    except Refused as refused:
        return await _page(visit, query=given, status=422, problem=visit.refusal(refused))
    return web.Response(status=303, headers={"Location": _address(lists.query_of(given))})


async def forget(visit: Visit) -> web.Response:
    """Delete a saved view."""
    number, who = int(visit.request.match_info["id"][:18]), visit.who
    try:
        await visit.house.do(lambda transaction: saving.forget(transaction, by=who, view=number))
    except Refused:
        return visit.page("refused.html", status=404, reason=visit.say("inbox.no_such_view"))
    return web.Response(status=303, headers={"Location": LISTS})


async def _page(
    visit: Visit, *, query: Mapping[str, str] | None = None, status: int = 200, problem: str | None = None
) -> web.Response:
    asked = visit.request.query if query is None else query
    view, filters, after = lists.view_of(asked), Filters.read(asked), asked.get("after") or None
    waiting, who = visit.house.waiting, visit.who
    await waiting.renew()
    try:
        look = visit.house.glance if view in OF_PEOPLE else visit.house.look
        beside = await look(lambda transaction: _beside(transaction, visit, view, filters, after))
        waiting.in_teams(who, beside.mine, visit.sight.closed)
        seer = waiting.seer(who)
        piece = beside.piece or lists.cut(waiting.of(view, seer, filters), after)
    except Refused:
        return visit.page("refused.html", status=404, reason=visit.say("inbox.no_such_place"))
    here = {"view": view} | filters.given
    facts: dict[str, Any] = {
        "rows": [_row(visit, one, beside.teams) for one in piece.items],
        "next": None if piece.next is None else _address(here | {"after": piece.next}),
        "view": view,
        "address": _address(here | ({"after": after} if after else {})),
        "tabs": _tabs(visit, view, filters, beside.saved),
        "here": here,
        "filters": filters.given,
        "later": after is not None,
        "most": A_PIECE,
    }
    if "HX-Request" in visit.request.headers:
        return visit.page("inbox/list.html", **facts)
    return visit.page(
        "inbox/page.html",
        status=status,
        problem=problem,
        looks_at=quote(urlencode(here | ({"after": after} if after else {})), safe=""),
        choices=_choices(visit, filters, beside.teams),
        **facts,
    )


def _beside(transaction: Transaction, visit: Visit, view: View, filters: Filters, after: str | None) -> _Beside:
    return _Beside(
        teams=lists.team_names(transaction),
        mine=teams_of(transaction.connection, visit.who.staff),
        saved=saving.views(transaction, by=visit.who),
        piece=None if view in OF_PEOPLE else lists.rest(transaction, view=view, filters=filters, after=after),
    )


def _tabs(visit: Visit, view: View, filters: Filters, saved: Sequence[Saved]) -> list[_Tab]:
    waiting = visit.house.waiting
    seer = waiting.seer(visit.who)
    counts = waiting.counts(seer)
    plain = [
        _Tab(
            name=visit.say(f"inbox.view_{each}"),
            href=_address({"view": each}),
            count=counts.get(each),
            current=each is view and not filters.given,
            key=KEYS[each],
        )
        for each in View
    ]
    own = [
        _Tab(
            name=each.name,
            href=_address(each.query),
            count=_count_of(visit, each),
            current=each.query == {"view": view} | filters.given,
            saved=each,
        )
        for each in saved
    ]
    return plain + own


def _count_of(visit: Visit, saved: Saved) -> int | None:
    view = lists.view_of(saved.query)
    if view not in OF_PEOPLE:
        return None
    waiting = visit.house.waiting
    return len(waiting.of(view, waiting.seer(visit.who), Filters.read(saved.query)))


def _choices(visit: Visit, filters: Filters, teams: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What each filter can be set to, by value in words; what it is set to is among them."""
    waiting = visit.house.waiting
    choices: dict[str, dict[str, str]] = {
        "channel": {name: channel_name(visit, name) for name in visit.house.channels},
        "language": dict(texts.LANGUAGES),
        "tier": {tier: visit.say(f"inbox.tier_{tier}") for tier in TIERS},
        "agent": {name: name for name in waiting.agents()},
        "team": dict(teams),
        "kind": {kind: visit.say(f"inbox.kind_{kind}") for kind in KINDS},
    }
    for name, value in filters.given.items():
        choices[name].setdefault(value, value)
    return {name: choices[name] for name in FILTERS}


def _row(visit: Visit, one: Listed, teams: Mapping[str, str]) -> Markup:
    now, private = visit.house.now(), Right.SEE_PRIVATE in visit.who.rights
    zone = visit.house.playbook().hours.time_zone
    today = now.astimezone(zone).date()
    team = teams.get(str(one.team), "")

    def render() -> str:
        at = None if one.last_at is None else one.last_at.astimezone(zone)
        why = [(str(each.why), reason_in_words(visit, each), each.why in LOUD) for each in reasons(one.situation, now)]
        return (
            pages()
            .get_template("inbox/row.html")
            .render(
                t=visit.say,
                one=one,
                why=why,
                team=team,
                private=private,
                channel=channel_name(visit, one.channel),
                tier=visit.say(f"inbox.tier_{one.tier}") if one.tier in TIERS else one.tier,
                reason=in_words(one.reason, Language(visit.language)) if one.reason and one.reason not in SAID else "",
                at=at,
                today=at is not None and at.date() == today,
                home=HOME,
            )
        )

    beside = int(now.timestamp() // TIMES_HOLD), today, team
    return visit.house.waiting.rendered(one, visit.language, private=private, beside=beside, render=render)


def reason_in_words(visit: Visit, reason: Reason) -> str:
    return visit.say(f"inbox.why_{reason.why}", time=lasting(visit, reason.seconds))


def lasting(visit: Visit, seconds: float) -> str:
    """A time as one says it: minutes, then hours, then days."""
    if seconds < 3600:
        return visit.say("inbox.minutes", number=max(round(seconds / 60), 1))
    if seconds < 48 * 3600:
        return visit.say("inbox.hours", number=round(seconds / 3600))
    return visit.say("inbox.days", number=round(timedelta(seconds=seconds) / timedelta(days=1)))


def channel_name(visit: Visit, channel: str) -> str:
    """A channel of a kind that we know in words; one that the business named itself as it did."""
    return texts.words(visit.language).get(f"inbox.channel_{channel}", channel)


def _address(query: Mapping[str, str]) -> str:
    return f"{LISTS}?{urlencode(query)}"


KEYS: Final[Mapping[View, str]] = {
    View.MINE: "m",
    View.UNASSIGNED: "u",
    View.TEAM: "t",
    View.WAITING: "w",
    View.RISK: "r",
    View.ALL: "a",
    View.ASSISTANT: "b",
    View.CLOSED: "c",
}
"""What goes to a view, after `g`."""

ROUTES = (
    get("/console", Right.BE_HERE, home),
    get("/console/inbox", Right.CONVERSE, inbox),
    post("/console/inbox/views", Right.CONVERSE, save),
    post("/console/inbox/views/{id:[0-9]+}/delete", Right.CONVERSE, forget),
)
