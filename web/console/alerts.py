"""Alerts: the bell in the bar, what it rang for, and how somebody is told when no page is open."""

from __future__ import annotations

from functools import partial
from typing import Any, Final
from zoneinfo import available_timezones

from aiohttp import web

from desk import alert_hours, alerts
from desk.refusals import NotFound, Unusable
from desk.rights import Right
from storage.alerts import AlertKind, Way
from storage.commits import Transaction
from web.console import alert_words
from web.console.page import get, post
from web.console.visit import HOME, Visit

SETTINGS: Final = f"{HOME}/account/alerts"
FOR: Final = {
    AlertKind.RETURNED: Right.DIRECT,
    AlertKind.APPROVAL_ASKED: Right.DIRECT,
    AlertKind.BAD_SCORE: Right.CONVERSE,
    AlertKind.PRIVACY_ASKED: Right.PRIVACY,
    AlertKind.KNOWLEDGE_ASKED: Right.DIRECT,
    AlertKind.CHANNEL_DOWN: None,
    AlertKind.WEBHOOK_DOWN: Right.CONNECT,
}
"""Whom a kind concerns, where that is not everybody who talks with customers; None: supervisors and admins."""


async def bell(visit: Visit) -> web.Response:
    """The piece of the bar, and what the browser may show as a notice."""
    staff = visit.who.staff

    def rung(transaction: Transaction) -> tuple[alerts.Bell, frozenset[AlertKind]]:
        ringing = alerts.bell(transaction, staff=staff)
        if not ringing.latest:
            return ringing, frozenset()
        hours = alert_hours.own_hours(transaction, staff=staff, zone="UTC")
        if hours.next(transaction.now) > transaction.now:
            return ringing, frozenset()
        chosen = alerts.choices(transaction, staff=staff)
        return ringing, frozenset(kind for kind, ways in chosen.items() if Way.DESKTOP in ways)

    ringing, shown = await visit.house.look(rung)
    notices = [(told.id, alert_words.line(told, visit.language)) for told in ringing.latest if told.kind in shown]
    return visit.page("alerts/bell.html", ringing=ringing, notices=notices)


async def listing(visit: Visit) -> web.Response:
    """All of one's own; `?before=` one's number."""
    given, staff = visit.request.query.get("before", ""), visit.who.staff
    before = int(given[:18]) if given.isdigit() else None
    told = await visit.house.look(lambda transaction: alerts.alerts_of(transaction, staff=staff, before=before))
    zone = visit.house.playbook().hours.time_zone
    return visit.page(
        "alerts/page.html",
        told=told,
        zone=zone,
        line=partial(alert_words.line, language=visit.language),
        reason=partial(alert_words.reason, language=visit.language),
    )


async def follow(visit: Visit) -> web.Response:
    """To what it is about; it is read by that."""
    number, staff = int(visit.request.match_info["id"][:18]), visit.who.staff
    try:
        subject = await visit.house.do(lambda transaction: alerts.read(transaction, staff=staff, alert=number))
    except NotFound:
        return visit.page("refused.html", status=404, reason=visit.say("alerts.none"))
    return web.Response(status=303, headers={"Location": alert_words.page(subject)})


async def read_all(visit: Visit) -> web.Response:
    given, staff = (await visit.form()).get("through", ""), visit.who.staff
    through = int(given[:18]) if given.isdigit() else 0
    await visit.house.do(lambda transaction: alerts.read_all(transaction, staff=staff, through=through))
    return web.Response(status=303, headers={"Location": f"{HOME}/alerts"})


async def settings(visit: Visit) -> web.Response:
    return await _settings(visit)


async def choose(visit: Visit) -> web.Response:
    form, present = await visit.request.post(), visit.who
    ways = {kind: [way for way in form.getall(str(kind), []) if isinstance(way, str)] for kind in AlertKind}
    try:
        await visit.house.do(lambda transaction: alerts.choose(transaction, present=present, ways=ways))
    except Unusable as refused:
        return await _settings(visit, status=422, problem=visit.refusal(refused))
    return await _settings(visit, done=visit.say("alerts.saved"))


async def set_hours(visit: Visit) -> web.Response:
    form, given, present = await visit.request.post(), await visit.form(), visit.who
    days = [int(day) for day in form.getall("days", []) if isinstance(day, str) and day.isdigit()]
    try:
        await visit.house.do(
            lambda transaction: alert_hours.set_hours(
                transaction,
                present=present,
                quiet=bool(given.get("quiet")),
                time_zone=given.get("time_zone", ""),
                begins=given.get("begins", ""),
                ends=given.get("ends", ""),
                days=days,
            )
        )
    except Unusable as refused:
        return await _settings(visit, status=422, problem=visit.refusal(refused))
    return await _settings(visit, done=visit.say("alerts.saved"))


async def begin_telegram(visit: Visit) -> web.Response:
    """The link is shown once, here: whoever opens it gets this person's alerts."""
    present, zone = visit.who, visit.house.playbook().hours.time_zone.key
    code = await visit.house.do(lambda transaction: alert_hours.begin_telegram(transaction, present=present, zone=zone))
    page = await visit.house.staff_ways.telegram_page(code)
    if page is None:
        return await _settings(visit, status=409, problem=visit.say("alerts.telegram_none"))
    return await _settings(visit, link=page)


async def end_telegram(visit: Visit) -> web.Response:
    present = visit.who
    await visit.house.do(lambda transaction: alert_hours.end_telegram(transaction, present=present))
    return await _settings(visit, done=visit.say("alerts.saved"))


async def _settings(visit: Visit, *, status: int = 200, **facts: Any) -> web.Response:
    staff, zone = visit.who.staff, visit.house.playbook().hours.time_zone.key
    chosen, hours = await visit.house.look(
        lambda transaction: (
            alerts.choices(transaction, staff=staff),
            alert_hours.own_hours(transaction, staff=staff, zone=zone),
        )
    )
    return visit.page(
        "alerts/settings.html",
        status=status,
        chosen={kind: ways for kind, ways in chosen.items() if _concerns(visit, kind)},
        ways=tuple(Way),
        possible=visit.house.staff_ways.ways,
        hours=hours,
        zones=sorted(available_timezones()),
        problem=facts.get("problem"),
        done=facts.get("done"),
        link=facts.get("link"),
    )


def _concerns(visit: Visit, kind: AlertKind) -> bool:
    rights = visit.who.rights
    if FOR.get(kind, Right.CONVERSE) is None:
        return bool({Right.DIRECT, Right.MANAGE_STAFF} & rights)
    return FOR.get(kind, Right.CONVERSE) in rights


ROUTES = (
    get("/console/alerts", Right.BE_HERE, listing),
    get("/console/alerts/bell", Right.BE_HERE, bell),
    get("/console/alerts/{id:[0-9]+}", Right.BE_HERE, follow),
    post("/console/alerts/read", Right.BE_HERE, read_all),
    get("/console/account/alerts", Right.BE_HERE, settings),
    post("/console/account/alerts", Right.BE_HERE, choose),
    post("/console/account/alerts/hours", Right.BE_HERE, set_hours),
    post("/console/account/alerts/telegram", Right.BE_HERE, begin_telegram),
    post("/console/account/alerts/telegram/end", Right.BE_HERE, end_telegram),
)
