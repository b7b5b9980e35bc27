"""One's own account: password, second factor, language."""

from __future__ import annotations

import asyncio
from typing import Any

import segno
from aiohttp import web

from desk import passwords, second_factor, staff
from desk.logins import Throttled
from desk.refusals import Refused, Unusable
from desk.rights import Right
from web.console.door import provider_name, throttled, who_has
from web.console.page import get, post
from web.console.visit import HOME, Visit

ACCOUNT = f"{HOME}/account"


class WrongPassword(Unusable):
    """The password in force was mistyped."""


class WrongCode(Unusable):
    """The app shows other digits."""


async def account(visit: Visit) -> web.Response:
    return await _page(visit)


async def change_password(visit: Visit) -> web.Response:
    """The old one is asked for: who finds a desk unattended must not own the account."""
    given = await visit.form()
    present, new = visit.who, given.get("password", "")
    try:
        await _know_the_password(visit, given.get("current", ""))
        if new != given.get("again", ""):
            raise passwords.NotTheSame("the two passwords are not the same")
        stored = await asyncio.to_thread(passwords.hashed, new, known=(present.name, present.email))
    except (Unusable, Throttled) as refused:
        return await _page(visit, status=422, problem=_why(visit, refused))
    await visit.house.do(lambda transaction: staff.set_password(transaction, present=present, password=stored))
    return await _page(visit, done=visit.say("account.password_changed"))


async def begin_second_factor(visit: Visit) -> web.Response:
    """A secret to be read into an app; it counts when a code of it was shown."""
    return await _offer(visit, second_factor.new_secret())


async def set_second_factor(visit: Visit) -> web.Response:
    given = await visit.form()
    present, secret = visit.who, given.get("secret", "")
    if not second_factor.is_secret(secret):  # not one that we offered
        return await begin_second_factor(visit)
    try:
        await _know_the_password(visit, given.get("current", ""))
        step = second_factor.step_of(secret, given.get("code", ""), now=visit.house.now(), after=0)
        if step is None:
            raise WrongCode("the app shows other digits")
    except (Unusable, Throttled) as refused:
        return await _offer(visit, secret, status=422, problem=_why(visit, refused))
    await visit.house.do(
        lambda transaction: staff.set_second_factor(transaction, present=present, secret=secret, step=step)
    )
    return await _page(visit, done=visit.say("account.second_factor_on"))


async def end_second_factor(visit: Visit) -> web.Response:
    present, given = visit.who, await visit.form()
    try:
        await _know_the_password(visit, given.get("current", ""))
    except (Unusable, Throttled) as refused:
        return await _page(visit, status=422, problem=_why(visit, refused))
    await visit.house.do(lambda transaction: staff.set_second_factor(transaction, present=present, secret=None))
    return await _page(visit, done=visit.say("account.second_factor_off"))


async def set_language(visit: Visit) -> web.Response:
    present, language = visit.who, (await visit.form()).get("language", "")
    try:
        await visit.house.do(lambda transaction: staff.set_language(transaction, present=present, language=language))
    except Unusable as refused:
        return await _page(visit, status=422, problem=visit.refusal(refused))
    return web.Response(status=303, headers={"Location": ACCOUNT})


async def end_other_sessions(visit: Visit) -> web.Response:
    present = visit.who
    await visit.house.do(lambda transaction: staff.end_other_sessions(transaction, present=present))
    return await _page(visit, done=visit.say("account.sessions_ended"))


async def _page(visit: Visit, *, status: int = 200, **facts: Any) -> web.Response:
    present = visit.who
    own = await visit.house.look(lambda transaction: staff.own_account(transaction, present=present))
    return visit.page(
        "account.html",
        status=status,
        own=own,
        shortest=passwords.SHORTEST,
        provider=provider_name(visit.house),
        problem=facts.get("problem"),
        done=facts.get("done"),
    )


async def _offer(visit: Visit, secret: str, *, status: int = 200, problem: str | None = None) -> web.Response:
    """The picture that an app reads, and the words for who types them."""
    address = second_factor.address(secret, email=visit.who.email, business=visit.house.business(visit.language))
    picture = segno.make(address, error="m").svg_data_uri(scale=5, border=2, light="white")
    return visit.page("second_factor.html", status=status, secret=secret, picture=picture, problem=problem)


async def _know_the_password(visit: Visit, given: str) -> None:
    """Who sits at somebody else's desk guesses no faster than at the door. Raises WrongPassword, Throttled."""
    if await who_has(visit.house, visit.who.email, given, visit.client) != visit.who.staff:
        raise WrongPassword("the password in force is another one")


def _why(visit: Visit, refused: Refused) -> str:
    return throttled(visit, refused) if isinstance(refused, Throttled) else visit.refusal(refused)


ROUTES = (
    get("/console/account", Right.BE_HERE, account),
    post("/console/account/password", Right.BE_HERE, change_password),
    post("/console/account/language", Right.BE_HERE, set_language),
    post("/console/account/sessions", Right.BE_HERE, end_other_sessions),
    post("/console/account/second-factor/new", Right.BE_HERE, begin_second_factor),
    post("/console/account/second-factor", Right.BE_HERE, set_second_factor),
    post("/console/account/second-factor/end", Right.BE_HERE, end_second_factor),
)
