"""Privacy: who wants a copy of their data or wants to be forgotten, and what was done about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from aiohttp import web

from desk import copies, own_data
from desk.refusals import NotFound, Refused
from desk.rights import Right
from storage.commits import Transaction
from storage.privacy import PrivacyKind
from web import own_data as archives
from web.console.contacts import CONTACT
from web.console.page import get, post
from web.console.visit import HOME, Visit


async def requests(visit: Visit) -> web.Response:
    return await _page(visit)


async def write_down(visit: Visit) -> web.Response:
    """A customer asked an agent."""
    given, number, who = await visit.form(), _number(visit), visit.who
    kind = given.get("kind", "")
    if kind not in {each.value for each in PrivacyKind}:
        return _gone(visit)

    def act(transaction: Transaction) -> int:
        return own_data.write_down(
            transaction, contact=str(number), kind=PrivacyKind(kind), by=who.name, staff=who.staff
        )

    try:
        await visit.house.do(act)
    except Refused:
        return _gone(visit)
    return web.Response(status=303, headers={"Location": f"{HOME}/contacts/{number}"})


async def download(visit: Visit) -> web.StreamResponse:
    """The copy, for one of us who hands it over."""
    number, who, client = _number(visit), visit.who, visit.client

    def act(transaction: Transaction) -> copies.Copy:
        made = copies.copy_of(transaction, contact=str(number))
        copies.note_taken(transaction, contact=made.contact, by=who.name, staff=who.staff, client=client)
        return made

    try:
        copy = await visit.house.do(act)
    except NotFound:
        return _gone(visit)
    return await archives.send(visit.request, visit.house, copy, copy.language or visit.language)


async def send_copy(visit: Visit) -> web.Response:
    scheme = "https" if visit.house.secure else visit.request.scheme
    origin = f"{scheme}://{visit.house.host(visit.request)}"
    return await _handle(visit, own_data.send_copy, origin=origin, playbook=visit.house.playbook(), evidence=True)


async def erase(visit: Visit) -> web.Response:
    return await _handle(visit, own_data.begin_erasure, playbook=visit.house.playbook(), evidence=True)


async def refuse(visit: Visit) -> web.Response:
    return await _handle(visit, own_data.refuse, reason=(await visit.form()).get("reason", ""))


async def _handle(
    visit: Visit, verb: Callable[..., object], *, evidence: bool = False, **arguments: Any
) -> web.Response:
    number, who = _number(visit), visit.who
    if evidence:
        arguments["evidence"] = (await visit.form()).get("evidence", "")

    def act(transaction: Transaction) -> object:
        return verb(transaction, request=number, by=who.name, staff=who.staff, **arguments)

    try:
        await visit.house.do(act)
    except NotFound:
        return _gone(visit)
    except Refused as refused:
        return await _page(visit, status=422, problem=visit.refusal(refused))
    return web.Response(status=303, headers={"Location": f"{HOME}/privacy"})


async def _page(visit: Visit, *, status: int = 200, problem: str | None = None) -> web.Response:
    def look(transaction: Transaction) -> tuple[list[own_data.Wanted], list[Any]]:
        return own_data.waiting(transaction), list(own_data.handled(transaction))

    waiting, handled = await visit.house.look(look)
    return visit.page(
        "privacy/page.html",
        status=status,
        waiting=waiting,
        handled=handled,
        problem=problem,
        zone=visit.house.playbook().hours.time_zone,
    )


def _number(visit: Visit) -> int:
    return int(visit.request.match_info["id"][:18])


def _gone(visit: Visit) -> web.Response:
    return visit.page("refused.html", status=404, reason=visit.say("privacy.not_there"))


REQUEST: Final = "/console/privacy/{id:[0-9]+}"

ROUTES = (
    get("/console/privacy", Right.PRIVACY, requests),
    post(f"{REQUEST}/copy", Right.PRIVACY, send_copy),
    post(f"{REQUEST}/erase", Right.PRIVACY, erase),
    post(f"{REQUEST}/refuse", Right.PRIVACY, refuse),
    post(f"{CONTACT}/privacy", Right.CONVERSE, write_down),
    post(f"{CONTACT}/export", Right.PRIVACY, download),
)
