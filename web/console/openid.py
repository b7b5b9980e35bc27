"""The business's own login: out to the provider, and back.

What a login goes by is one random word in a cookie of this browser alone; the provider's answer fits it, or is nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import orjson
import structlog
from aiohttp import web

from desk import logins, openid, tokens
from desk.openid import Rules
from desk.refusals import NotFound, Refused
from desk.rights import Right
from storage.staff import Stage
from web.console.door import WAITING_COOKIE, go, inside, keep, let_in, provider_name
from web.console.page import get, post
from web.console.provider import Provider, ProviderProblem, Secrets, Vouched, Wrong
from web.console.visit import COOKIE, HOME, Visit, csrf_of

UNDER_WAY: Final = "rapport_openid"
"""Holds what a login goes by, until the provider has answered."""
ID_TOKEN: Final = "rapport_id_token"
"""Holds what the provider wants to see at a logout; shown nowhere else."""
TIME: Final = 600
"""Seconds for a login at the provider."""
LARGEST_COOKIE: Final = 3_500
"""Bytes; browsers keep no larger one."""

STATUS: Final = {Wrong.ABSENT: 404, Wrong.UNREACHABLE: 502, Wrong.MISCONFIGURED: 502}

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True, slots=True)
class Under:
    """A login under way, as its cookie holds it."""

    word: str
    where: str = ""
    """The page of the console that was wanted."""
    invitation: str = ""
    """The link they came by."""
    connects: bool = False
    """Who is logged in connects their account; else somebody wants in."""

    def secrets(self, session: str) -> Secrets:
        """What connects an account goes by its session, too: nobody else's browser can finish it."""
        return Secrets.of(f"{self.word}:{csrf_of(session)}" if self.connects else self.word)


async def begin(visit: Visit) -> web.Response:
    """To the provider, to log in there. `?next=` the page that is wanted, `?link=` an invitation."""
    asked = visit.request.query
    under = Under(word=tokens.new(), where=inside(asked.get("next", "")), invitation=asked.get("link", "")[:100])
    try:
        response = go(await _provider(visit).address(under.secrets("")))
    except ProviderProblem as problem:
        return await _not_let_in(visit, problem)
    _remember(visit, response, under)
    return response


async def begin_connecting(visit: Visit) -> web.Response:
    """Whoever is in connects the account with a login at the provider."""
    under = Under(word=tokens.new(), connects=True)
    try:
        where = await _provider(visit).address(under.secrets(visit.token))
    except ProviderProblem as problem:
        return await _not_let_in(visit, problem)
    # Not by a redirect: a form of ours leads nowhere else (form-action).
    response = leave_for(visit, where, "connecting")
    _remember(visit, response, under)
    return response


async def back(visit: Visit) -> web.Response:
    """What the provider answers. Whatever comes of it, this login is over."""
    under = _under_way(visit)
    try:
        provider = _provider(visit)
        if under is None:
            raise ProviderProblem(Wrong.STATE, "no login is under way in this browser")
        vouched = await provider.who(dict(visit.request.query), under.secrets(visit.token))
        response = await (_connected(visit, vouched) if under.connects else _come_in(visit, provider, under, vouched))
    except ProviderProblem as problem:
        response = await _not_let_in(visit, problem)
    except Refused as refused:
        response = await _turned_away(visit, refused)
    response.del_cookie(UNDER_WAY, path=f"{HOME}/openid")
    return response


async def disconnect(visit: Visit) -> web.Response:
    present = visit.who
    try:
        await visit.house.do(lambda transaction: openid.disconnect(transaction, present=present))
    except Refused as refused:
        return visit.page("refused.html", status=422, reason=visit.refusal(refused))
    return go(f"{HOME}/account")


async def log_out(visit: Visit) -> web.Response:
    """Out here, and, where they came in by the provider and it offers that, out there."""
    present, client = visit.who, visit.client
    await visit.house.do(lambda transaction: logins.leave(transaction, present=present, client=client))
    response = await _gone(replace(visit, present=None))
    response.del_cookie(COOKIE, path=HOME)
    return response


async def _gone(visit: Visit) -> web.Response:
    shown, provider = visit.request.cookies.get(ID_TOKEN), visit.house.openid
    if shown is None or provider is None:
        return go(f"{HOME}/login")
    try:
        where = await provider.end(shown if shown != "-" else "")
    except ProviderProblem as problem:
        log.warning("openid.logout", problem=str(problem))
        where = None
    response = go(f"{HOME}/login") if where is None else leave_for(visit, where, "leaving")
    response.del_cookie(ID_TOKEN, path=f"{HOME}/logout")
    return response


def leave_for(visit: Visit, where: str, why: str) -> web.Response:
    """A page that goes on to the provider by itself."""
    name = provider_name(visit.house) or ""
    return visit.page("onward.html", where=where, words=visit.say(f"door.{why}", name=name), name=name)


async def _come_in(visit: Visit, provider: Provider, under: Under, vouched: Vouched) -> web.Response:
    settings, client, browser = provider.settings, visit.client, visit.browser
    rules = Rules(
        roles=settings.roles,
        creates=settings.creates,
        trusts_second_factor=settings.trusts_second_factor,
        language=visit.language,
    )
    state = visit.request.query.get("state", "")
    try:
        entered = await visit.house.do(
            lambda transaction: openid.come_in(
                transaction,
                voucher=vouched,
                rules=rules,
                state=state,
                invitation=under.invitation,
                client=client,
                browser=browser,
            )
        )
    except Refused as refused:
        who, why = vouched.email or vouched.subject, type(refused).__name__
        await visit.house.do(lambda transaction: openid.turn_away(transaction, who=who, why=why, client=client))
        raise
    if entered.stage is Stage.PASSWORD:
        response = visit.page("code.html", next=under.where, problem=None)
        keep(visit, response, WAITING_COOKIE, entered.token, logins.TIME_FOR_CODE.total_seconds())
    else:
        response = let_in(visit, entered, under.where)
    hint = vouched.id_token if len(vouched.id_token) <= LARGEST_COOKIE else "-"
    keep(visit, response, ID_TOKEN, hint, logins.LONGEST.total_seconds(), path=f"{HOME}/logout")
    return response


async def _connected(visit: Visit, vouched: Vouched) -> web.Response:
    present, client, state = visit.present, visit.client, visit.request.query.get("state", "")
    if present is None:
        raise ProviderProblem(Wrong.STATE, "nobody is logged in any more")
    await visit.house.do(
        lambda transaction: openid.connect(transaction, present=present, voucher=vouched, state=state, client=client)
    )
    return go(f"{HOME}/account")


async def _not_let_in(visit: Visit, problem: ProviderProblem) -> web.Response:
    """The log says more than the page: who stands at the door needs not know how the house is built."""
    log.warning("openid.refused", wrong=problem.wrong, problem=str(problem))
    if problem.wrong in (Wrong.TOKEN, Wrong.CODE):
        why, client = str(problem), visit.client
        await visit.house.do(lambda transaction: openid.turn_away(transaction, who="", why=why, client=client))
    status = STATUS.get(problem.wrong, 403)
    words = visit.say(f"door.openid_{problem.wrong}", name=provider_name(visit.house) or "")
    return visit.page("refused.html", status=status, reason=words)


async def _turned_away(visit: Visit, refused: Refused) -> web.Response:
    words = visit.say("door.link_over") if isinstance(refused, NotFound) else visit.refusal(refused)
    return visit.page("refused.html", status=403, reason=words)


def _provider(visit: Visit) -> Provider:
    if visit.house.openid is None:
        raise ProviderProblem(Wrong.ABSENT, "no provider is configured")
    return visit.house.openid


def _remember(visit: Visit, response: web.Response, under: Under) -> None:
    held = orjson.dumps([under.word, under.where[:1000], under.invitation, under.connects]).hex()
    keep(visit, response, UNDER_WAY, held, TIME, path=f"{HOME}/openid")


def _under_way(visit: Visit) -> Under | None:
    try:
        word, where, invitation, connects = orjson.loads(bytes.fromhex(visit.request.cookies.get(UNDER_WAY, "")))
    except (ValueError, TypeError):
        return None
    given = (word, where, invitation)
    if not all(isinstance(each, str) for each in given) or not word or not isinstance(connects, bool):
        return None
    return Under(word=word, where=where, invitation=invitation, connects=connects)


ROUTES = (
    get("/console/openid", None, begin),
    get("/console/openid/back", None, back),
    post("/console/logout", Right.BE_HERE, log_out),
    post("/console/account/openid", Right.BE_HERE, begin_connecting),
    post("/console/account/openid/end", Right.BE_HERE, disconnect),
)
