"""Colleagues: an admin lets people in and out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from aiohttp import web
from markupsafe import Markup

from desk import staff
from desk.refusals import Refused
from desk.rights import Right
from desk.staff import Invited
from storage.commits import Transaction
from storage.staff import Role
from web.console import texts
from web.console.page import get, post
from web.console.visit import HOME, Visit


async def colleagues(visit: Visit) -> web.Response:
    return await _page(visit)


async def invite(visit: Visit) -> web.Response:
    """The link is shown once, here: whoever has it can come in."""
    form = await visit.request.post()
    roles = [role for role in form.getall("roles", []) if isinstance(role, str)]
    given = await visit.form()
    return await _make_link(
        visit,
        staff.invite,
        name=given.get("name", ""),
        email=given.get("email", ""),
        roles=roles,
        language=given.get("language", visit.language),
    )


async def reset(visit: Visit) -> web.Response:
    return await _make_link(visit, staff.reset, staff=_number(visit))


async def take_back(visit: Visit) -> web.Response:
    return await _make_link(visit, staff.take_back, staff=_number(visit))


async def change_roles(visit: Visit) -> web.Response:
    form = await visit.request.post()
    roles = [role for role in form.getall("roles", []) if isinstance(role, str)]
    return await _do(visit, staff.change_roles, staff=_number(visit), roles=roles)


async def let_go(visit: Visit) -> web.Response:
    return await _do(visit, staff.let_go, staff=_number(visit))


async def audit(visit: Visit) -> web.Response:
    """What was done, the latest first; `?before=` a line's number."""
    given = visit.request.query.get("before", "")
    before = int(given[:18]) if given.isdigit() else None
    entries = await visit.house.look(lambda transaction: staff.audit_log(transaction, before=before))
    known = texts.words(visit.language)

    def did(action: str) -> Markup | str:
        """An action that we have no words for, a program's for one, is called as it was recorded."""
        return known.get(f"audit.did_{action.replace('.', '_')}") or Markup("<code>{}</code>").format(action)

    return visit.page("audit.html", entries=entries, did=did, zone=visit.house.playbook().hours.time_zone)


async def _make_link(visit: Visit, verb: Callable[..., Invited], **arguments: Any) -> web.Response:
    by = visit.who

    def act(transaction: Transaction) -> Invited:
        return verb(transaction, by=by, **arguments)

    try:
        invited = await visit.house.do(act)
    except Refused as refused:
        return await _page(visit, status=422, problem=visit.refusal(refused))
    scheme = "https" if visit.house.secure else visit.request.scheme
    link = f"{scheme}://{visit.house.host(visit.request)}{HOME}/come-in/{invited.token}"
    return await _page(visit, link=link)


async def _do(visit: Visit, verb: Callable[..., None], **arguments: Any) -> web.Response:
    by = visit.who

    def act(transaction: Transaction) -> None:
        verb(transaction, by=by, **arguments)

    try:
        await visit.house.do(act)
    except Refused as refused:
        return await _page(visit, status=422, problem=visit.refusal(refused))
    return web.Response(status=303, headers={"Location": f"{HOME}/staff"})


async def _page(visit: Visit, *, status: int = 200, **facts: Any) -> web.Response:
    return visit.page(
        "colleagues.html",
        status=status,
        everybody=await visit.house.look(staff.colleagues),
        roles=tuple(Role),
        problem=facts.get("problem"),
        link=facts.get("link"),
    )


def _number(visit: Visit) -> int:
    return int(visit.request.match_info["id"][:18])


COLLEAGUE: Final = "/console/staff/{id:[0-9]+}"

ROUTES = (
    get("/console/staff", Right.MANAGE_STAFF, colleagues),
    post("/console/staff", Right.MANAGE_STAFF, invite),
    post(f"{COLLEAGUE}/roles", Right.MANAGE_STAFF, change_roles),
    post(f"{COLLEAGUE}/reset", Right.MANAGE_STAFF, reset),
    post(f"{COLLEAGUE}/let-go", Right.MANAGE_STAFF, let_go),
    post(f"{COLLEAGUE}/take-back", Right.MANAGE_STAFF, take_back),
    get("/console/audit", Right.READ_AUDIT, audit),
)
