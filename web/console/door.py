"""The door: logging in and out, the second factor, and the first visit through a link."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from desk import logins, passwords, staff
from desk.logins import Entered, Throttled, WrongCode
from desk.refusals import NotFound, Unusable
from desk.staff import Way
from storage.staff import LinkKind, Stage
from web.console.house import House
from web.console.page import get, post
from web.console.turnstile import one_by_one
from web.console.visit import COOKIE, HOME, Visit

WAITING_COOKIE: Final = "rapport_waiting"
"""Holds the session of whom the second factor is asked."""


async def login_page(visit: Visit) -> web.Response:
    if visit.present is not None:
        return go(inside(visit.request.query.get("next", "")))
    where = visit.request.query.get("next", "")
    return visit.page("login.html", email="", next=where, problem=None, provider=provider_name(visit.house))


async def login(visit: Visit) -> web.Response:
    """The password, and, where there is no second factor, in."""
    given = await visit.form()
    email, password, where = given.get("email", ""), given.get("password", ""), given.get("next", "")
    house, client = visit.house, visit.client
    try:
        known = await who_has(house, email, password, client)
    except Throttled as refused:
        return _try_again(visit, email, where, throttled(visit, refused), status=429)
    if known is None:
        return _try_again(visit, email, where, visit.say("door.wrong"), status=401)
    entered = await house.do(
        lambda transaction: logins.enter(transaction, staff=known, client=client, browser=visit.browser)
    )
    if entered.stage is Stage.PASSWORD:
        response = visit.page("code.html", next=where, problem=None)
        keep(visit, response, WAITING_COOKIE, entered.token, logins.TIME_FOR_CODE.total_seconds())
        return response
    return let_in(visit, entered, where)


async def who_has(house: House, email: str, password: str, client: str) -> int | None:
    """Whose address and password these are; None: nobody's, which counts. Raises Throttled."""
    async with one_by_one(client=client, account=email):
        door = await house.do(lambda transaction: logins.knock(transaction, email=email, client=client))
        if await asyncio.to_thread(passwords.is_right, door.password, password) and door.staff is not None:
            return door.staff
        await house.do(lambda transaction: logins.turn_away(transaction, email=email, client=client))
        return None


async def code(visit: Visit) -> web.Response:
    """The second factor."""
    given = await visit.form()
    where, shown = given.get("next", ""), given.get("code", "")
    try:
        entered = await _prove(visit, visit.request.cookies.get(WAITING_COOKIE, ""), shown)
    except Throttled as refused:
        return visit.page("code.html", status=429, next=where, problem=throttled(visit, refused))
    except WrongCode:
        return visit.page("code.html", status=401, next=where, problem=visit.say("door.wrong_code"))
    response = let_in(visit, entered, where)
    response.del_cookie(WAITING_COOKIE, path=HOME)
    return response


async def _prove(visit: Visit, waiting: str, shown: str) -> Entered:
    """Raises Throttled, and WrongCode, which counts."""
    house, client, browser = visit.house, visit.client, visit.browser
    account = await house.glance(lambda transaction: logins.waits_for_code(transaction, token=waiting))
    async with one_by_one(client=client, account=account or ""):
        try:
            return await house.do(
                lambda transaction: logins.prove(transaction, token=waiting, code=shown, client=client, browser=browser)
            )
        except WrongCode:
            await house.do(lambda transaction: logins.count_wrong_code(transaction, token=waiting, client=client))
            raise


async def arrival_page(visit: Visit) -> web.Response:
    """Where a one-time link leads. Looking at it uses nothing: mail programs look at every link."""
    token = visit.request.match_info["token"]
    try:
        leads = await visit.house.look(lambda transaction: staff.way(transaction, token=token))
    except NotFound:
        return visit.page("refused.html", status=404, reason=visit.say("door.link_over"))
    return visit.page(
        "arrival.html",
        first=leads.kind is LinkKind.FIRST_ADMIN,
        name=leads.name,
        email=leads.email,
        token=token,
        shortest=passwords.SHORTEST,
        problem=None,
        provider=provider_name(visit.house) if leads.kind is LinkKind.INVITED else None,
    )


async def arrival(visit: Visit) -> web.Response:
    """Come in through the link, with a password of one's own."""
    token, given = visit.request.match_info["token"], await visit.form()
    leads: Way | None = None
    try:
        leads = await visit.house.look(lambda transaction: staff.way(transaction, token=token))
        entered = await _come_in(visit, token, given, known=(leads.name, leads.email))
    except NotFound:
        return visit.page("refused.html", status=404, reason=visit.say("door.link_over"))
    except Unusable as refused:
        assert leads is not None
        return visit.page(
            "arrival.html",
            status=422,
            first=leads.kind is LinkKind.FIRST_ADMIN,
            name=given.get("name", leads.name),
            email=given.get("email", leads.email),
            token=token,
            shortest=passwords.SHORTEST,
            problem=visit.refusal(refused),
            provider=provider_name(visit.house) if leads.kind is LinkKind.INVITED else None,
        )
    return let_in(visit, entered, "")


async def _come_in(visit: Visit, token: str, given: Mapping[str, str], known: tuple[str, ...]) -> Entered:
    password, client, language = given.get("password", ""), visit.client, given.get("language", visit.language)
    name, email = given.get("name", ""), given.get("email", "")
    if password != given.get("again", ""):
        raise passwords.NotTheSame("the two passwords are not the same")
    stored = await asyncio.to_thread(passwords.hashed, password, known=(*known, name, email))
    who = await visit.house.do(
        lambda transaction: staff.come_in(
            transaction, token=token, password=stored, client=client, name=name, email=email, language=language
        )
    )
    return await visit.house.do(
        lambda transaction: logins.enter(transaction, staff=who, client=client, browser=visit.browser)
    )


def _try_again(visit: Visit, email: str, where: str, problem: str, *, status: int) -> web.Response:
    provider = provider_name(visit.house)
    return visit.page("login.html", status=status, email=email, next=where, problem=problem, provider=provider)


def provider_name(house: House) -> str | None:
    """What the business calls its own login; None: it has none here."""
    return house.openid.settings.name if house.openid is not None else None


def let_in(visit: Visit, entered: Entered, where: str) -> web.Response:
    response = go(inside(where))
    keep(visit, response, COOKIE, entered.token, logins.LONGEST.total_seconds())
    return response


def keep(visit: Visit, response: web.Response, name: str, value: str, seconds: float, *, path: str = HOME) -> None:
    """A cookie for the console alone, or a part of it."""
    response.set_cookie(
        name,
        value,
        path=path,
        max_age=int(seconds),
        httponly=True,
        samesite="Lax",
        secure=visit.house.secure,
    )


def go(where: str) -> web.Response:
    return web.Response(status=303, headers={"Location": where})


def inside(where: str) -> str:
    """A page of the console, and never one of somebody else's."""
    parts = urlsplit(where)
    ours = not parts.scheme and not parts.netloc and (parts.path == HOME or parts.path.startswith(f"{HOME}/"))
    return where if ours and "\\" not in where and where.isprintable() else HOME


def throttled(visit: Visit, refused: Throttled) -> str:
    return visit.say("door.throttled", seconds=max(1, round(refused.wait.total_seconds())))


ROUTES = (
    get("/console/login", None, login_page),
    post("/console/login", None, login),
    post("/console/code", None, code),
    get("/console/come-in/{token}", None, arrival_page),
    post("/console/come-in/{token}", None, arrival),
)
