"""Search: one field for people, cases and conversations, answered while somebody types."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from aiohttp import web
from markupsafe import Markup, escape

from desk import search as desk
from desk.refusals import Refused
from desk.rights import Right
from desk.search import Asked, Results, Seeker, State
from nlu.chinese import simplified
from storage.search import Kind
from storage.search_words import spans
from web.console.page import get
from web.console.visit import HOME, Visit

SEARCH: Final = f"{HOME}/search"
PIECES: Final[Mapping[Kind, str]] = {
    Kind.CONTACT: "search/contacts.html",
    Kind.CASE: "search/cases.html",
    Kind.INTERACTION: "search/lines.html",
}
FIELDS: Final[Mapping[str, str]] = {"channel": "channel", "state": "is", "after": "after", "until": "before"}
"""Fields of the form, and the conditions that they stand for."""


async def search(visit: Visit) -> web.Response:
    """`?q=` and the form's fields; `?kind=` and `?at=`: the next page of one kind. To htmx, pieces alone."""
    given = visit.request.query
    kind = Kind(given["kind"]) if given.get("kind") in set(Kind) else None
    at = int(given["at"][:18]) if given.get("at", "").isdecimal() and kind is not None else None
    query = _query(given)
    results, problem = None, None
    channels = await visit.house.look(desk.channels)
    try:
        if query.strip():
            results = await _results(visit, query, kind, at)
    except Refused as refused:
        problem = visit.refusal(refused)
    piece = "HX-Request" in visit.request.headers and "HX-History-Restore-Request" not in visit.request.headers
    template = PIECES[kind] if piece and kind is not None and problem is None else "search/results.html"
    return visit.page(
        template if piece else "search/page.html",
        results=results,
        problem=problem,
        query=given.get("q", ""),
        fields={name: given.get(name, "") for name in FIELDS},
        filtered=any(given.get(name) for name in FIELDS),
        kind=kind,
        kinds=Kind,
        states=tuple(State),
        channels=channels,
        zone=visit.house.playbook().hours.time_zone,
        again=partial(_again, visit),
        marked=partial(_marked, results.asked if results is not None else Asked()),
        status=422 if problem else 200,
    )


async def _results(visit: Visit, query: str, kind: Kind | None, at: int | None) -> Results:
    by = Seeker(name=visit.who.name, rights=visit.who.rights)
    zone = visit.house.playbook().hours.time_zone
    return await visit.house.look(
        lambda transaction: desk.search(transaction, query=query, by=by, zone=zone, only=kind, before=at)
    )


def _query(given: Mapping[str, str]) -> str:
    """What was typed, with what was chosen in the form's fields as its conditions."""
    chosen = {condition: given.get(field, "").strip() for field, condition in FIELDS.items()}
    conditions = (f'{name}:"{value}"' for name, value in chosen.items() if value)
    return " ".join([given.get("q", ""), *conditions])


def _again(visit: Visit, **changes: object) -> str:
    """This search, with something else about it; None takes a part out."""
    kept = {name: value for name, value in visit.request.query.items() if name not in changes}
    added = {name: str(value) for name, value in changes.items() if value is not None}
    return str(visit.request.rel_url.with_query({**kept, **added}))


def _marked(asked: Asked, text: str) -> Markup:
    """A text with what was asked for marked; everything in it stays text."""
    html, end = Markup(), 0
    for start, stop in spans(text, [term for _, term in asked.wanted], simplified()):
        html += escape(text[end:start]) + Markup("<mark>{}</mark>").format(text[start:stop])
        end = stop
    return html + escape(text[end:])


ROUTES = (get(SEARCH, Right.CONVERSE, search),)
