"""Programs: an admin lets them in by tokens, and has them told of events by webhooks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from aiohttp import web

from desk import programs as desk
from desk import webhooks
from desk.refusals import NotFound, Refused
from desk.rights import Right
from storage.commits import Transaction
from storage.events import EventKind
from web.api.call import ROOT
from web.api.offered import CALLS, SCOPES
from web.console.page import get, post
from web.console.visit import HOME, Visit

PROGRAMS: Final = f"{HOME}/programs"
DAYS: Final = (30, 90, 365)
"""How long tokens are good for, to choose from; and without an end."""


async def programs(visit: Visit) -> web.Response:
    return await _page(visit)


async def make_token(visit: Visit) -> web.Response:
    """The token is shown once, here: whoever has it may do what it may."""
    given = await visit.form()
    by, days, scopes = visit.who, given.get("days", ""), await _several(visit, "scopes")
    try:
        made = await visit.house.do(
            lambda transaction: desk.make_token(
                transaction,
                by=by,
                name=given.get("name", ""),
                scopes=scopes,
                read_only="read_only" in given,
                days=int(days) if days.isdigit() and len(days) < 6 else None,
            )
        )
    except Refused as refused:
        return await _page(visit, status=422, problem=visit.refusal(refused), given=given)
    return await _page(visit, token=made.token)


async def end_token(visit: Visit) -> web.Response:
    by, number = visit.who, _number(visit)
    return await _do(visit, PROGRAMS, lambda transaction: desk.end_token(transaction, by=by, token=number))


async def add_webhook(visit: Visit) -> web.Response:
    by, given = visit.who, await visit.form()
    kinds, scopes = await _several(visit, "kinds"), await _several(visit, "scopes")
    try:
        made = await visit.house.do(
            lambda transaction: webhooks.add_endpoint(
                transaction, by=by, name=given.get("name", ""), url=given.get("url", ""), kinds=kinds, scopes=scopes
            )
        )
    except Refused as refused:
        return await _page(visit, status=422, problem=visit.refusal(refused), given=given)
    return await _webhook_page(visit, made.endpoint, secret=made.secret)


async def webhook(visit: Visit) -> web.Response:
    return await _webhook_page(visit, _number(visit))


async def attempts(visit: Visit) -> web.Response:
    """The log alone, as the page renews it."""
    number = _number(visit)
    try:
        facts, log = await visit.house.look(lambda transaction: _webhook(transaction, number))
    except NotFound:
        return _gone(visit)
    return visit.page("programs/attempts.html", endpoint=facts, attempts=log, local=_local(visit))


async def change_webhook(visit: Visit) -> web.Response:
    by, number, given = visit.who, _number(visit), await visit.form()
    kinds, scopes = await _several(visit, "kinds"), await _several(visit, "scopes")
    return await _act(
        visit,
        lambda transaction: webhooks.change_endpoint(
            transaction,
            by=by,
            endpoint=number,
            name=given.get("name", ""),
            url=given.get("url", ""),
            kinds=kinds,
            scopes=scopes,
        ),
    )


async def new_secret(visit: Visit) -> web.Response:
    by, number = visit.who, _number(visit)
    try:
        made = await visit.house.do(lambda transaction: webhooks.new_secret(transaction, by=by, endpoint=number))
    except NotFound:
        return _gone(visit)
    return await _webhook_page(visit, number, secret=made.secret)


async def send_again(visit: Visit) -> web.Response:
    by, number, given = visit.who, _number(visit), (await visit.form()).get("event", "")
    event = int(given[:18]) if given.isdigit() else 0
    return await _act(visit, lambda transaction: webhooks.send_again(transaction, by=by, endpoint=number, event=event))


async def remove_webhook(visit: Visit) -> web.Response:
    by, number = visit.who, _number(visit)
    return await _do(visit, PROGRAMS, lambda transaction: webhooks.remove_endpoint(transaction, by=by, endpoint=number))


def _simple(verb: Callable[..., object]) -> Callable[[Visit], Any]:
    """A page that does one thing to a webhook, and shows it."""

    async def act(visit: Visit) -> web.Response:
        by, number = visit.who, _number(visit)
        return await _act(visit, lambda transaction: verb(transaction, by=by, endpoint=number))

    return act


async def reference(visit: Visit) -> web.Response:
    """What programs can ask for, to be read by people."""
    groups: dict[str, list[Any]] = {}
    for call in CALLS:
        groups.setdefault(call.group, []).append(call)
    scheme = "https" if visit.house.secure else visit.request.scheme
    root = f"{scheme}://{visit.house.host(visit.request)}{ROOT}"
    return visit.page("programs/reference.html", groups=groups, root=root, kinds=tuple(EventKind))


async def _act(visit: Visit, verb: Callable[[Transaction], object]) -> web.Response:
    number = _number(visit)
    try:
        await visit.house.do(verb)
    except NotFound as refused:
        return await _webhook_page(visit, number, status=404, problem=visit.refusal(refused))
    except Refused as refused:
        return await _webhook_page(visit, number, status=422, problem=visit.refusal(refused))
    return web.Response(status=303, headers={"Location": f"{PROGRAMS}/webhooks/{number}"})


async def _do(visit: Visit, where: str, verb: Callable[[Transaction], object]) -> web.Response:
    try:
        await visit.house.do(verb)
    except NotFound:
        return _gone(visit)
    except Refused as refused:
        return await _page(visit, status=422, problem=visit.refusal(refused))
    return web.Response(status=303, headers={"Location": where})


async def _page(visit: Visit, *, status: int = 200, **facts: Any) -> web.Response:
    tokens, endpoints = await visit.house.look(
        lambda transaction: (desk.tokens_made(transaction), webhooks.endpoints(transaction))
    )
    return visit.page(
        "programs/programs.html",
        status=status,
        tokens=tokens,
        endpoints=endpoints,
        scopes=SCOPES,
        kinds=tuple(EventKind),
        tells=webhooks.SCOPES,
        days=DAYS,
        local=_local(visit),
        token=facts.get("token"),
        problem=facts.get("problem"),
        given=facts.get("given", {}),
        chosen={"kinds": await _several(visit, "kinds"), "scopes": await _several(visit, "scopes")},
    )


async def _webhook_page(visit: Visit, number: int, *, status: int = 200, **facts: Any) -> web.Response:
    try:
        endpoint, log = await visit.house.look(lambda transaction: _webhook(transaction, number))
    except NotFound:
        return _gone(visit)
    return visit.page(
        "programs/webhook.html",
        status=status,
        endpoint=endpoint,
        attempts=log,
        kinds=tuple(EventKind),
        tells=webhooks.SCOPES,
        local=_local(visit),
        secret=facts.get("secret"),
        problem=facts.get("problem"),
    )


def _webhook(transaction: Transaction, number: int) -> tuple[webhooks.EndpointFacts, list[webhooks.AttemptFacts]]:
    return webhooks.endpoint(transaction, endpoint=number), webhooks.attempts(transaction, endpoint=number)


async def _several(visit: Visit, name: str) -> list[str]:
    form = await visit.request.post()
    return [value for value in form.getall(name, []) if isinstance(value, str)]


def _local(visit: Visit) -> Callable[[datetime], str]:
    """Times as the business's clocks show them."""
    zone = visit.house.playbook().hours.time_zone
    return lambda at: at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def _number(visit: Visit) -> int:
    return int(visit.request.match_info["id"][:18])


def _gone(visit: Visit) -> web.Response:
    return visit.page("refused.html", status=404, reason=visit.say("programs.not_there"))


HOOK: Final = "/console/programs/webhooks/{id:[0-9]+}"

ROUTES = (
    get("/console/programs", Right.CONNECT, programs),
    get("/console/programs/reference", Right.CONNECT, reference),
    post("/console/programs/tokens", Right.CONNECT, make_token),
    post("/console/programs/tokens/{id:[0-9]+}/end", Right.CONNECT, end_token),
    post("/console/programs/webhooks", Right.CONNECT, add_webhook),
    get(HOOK, Right.CONNECT, webhook),
    get(f"{HOOK}/attempts", Right.CONNECT, attempts),
    post(HOOK, Right.CONNECT, change_webhook),
    post(f"{HOOK}/pause", Right.CONNECT, _simple(webhooks.pause_endpoint)),
    post(f"{HOOK}/resume", Right.CONNECT, _simple(webhooks.resume_endpoint)),
    post(f"{HOOK}/skip", Right.CONNECT, _simple(webhooks.skip_event)),
    post(f"{HOOK}/test", Right.CONNECT, _simple(webhooks.test_endpoint)),
    post(f"{HOOK}/send-again", Right.CONNECT, send_again),
    post(f"{HOOK}/secret", Right.CONNECT, new_secret),
    post(f"{HOOK}/remove", Right.CONNECT, remove_webhook),
)
