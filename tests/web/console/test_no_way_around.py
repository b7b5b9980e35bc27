"""No way around: what is not yours answers as what there is not, and nothing changes unless one of our pages asks.

Generated from the application's own routes: one that nobody thought of here fails.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest
from sqlalchemy import insert

from desk import alerts, views
from desk.logins import Present
from storage.alerts import Alert, AlertKind
from storage.api_tokens import ApiToken
from storage.audit import AuditEntry
from storage.commits import Transaction
from storage.schema import Entity
from storage.staff import Role, Staff
from storage.views import SavedView
from storage.webhooks import EndpointState, WebhookEndpoint
from tests.clock import FrozenClock
from tests.gateway.desk_house import everything
from tests.web.api.programs import EVERYTHING, ROOT, Interface
from tests.web.console.legal_floor import Floor, open_floor
from tests.web.console.people import Person, Seen
from tests.web.console.test_rights import WHO_MAY
from web.api.offered import CALLS
from web.console.routes import ROUTES

PLACES: Final[Mapping[str, str]] = {
    "/console/conversations/{id}": "conversation",
    "/console/contacts/{id}": "contact",
    "/console/cases/{id}": "case",
    "/console/learning/lines/{id}": "line",
    "/console/staff/{id}": "staff",
    "/console/teams/people/{id}": "staff",
    "/console/teams/{id}": "team",
    "/console/programs/tokens/{id}": "token",
    "/console/programs/webhooks/{id}": "webhook",
    "/console/inbox/views/{id}": "view",
    "/console/alerts/{id}": "alert",
    "/console/canned/{canned}": "canned",
    "/console/knowledge/{id}": "knowledge",
    "/console/privacy/{id}": "request",
    "/console/case-links/{id}": "link",
    "/console/approvals/{id}": "approval",
    "/console/causes/actions/{id}": "action",
    "/console/reports/{figure}": "figure",
    "/console/come-in/{token}": "invitation",
}
"""What a route's own id is of."""
NOT_HERS: Final = frozenset({"conversation", "case", "line", "view", "alert"})
"""Kinds of which there is one on our floor that Ben's role reaches, and that is not for Ben."""
OF_CALLS: Final[Mapping[str, str]] = {
    "conversation": "conversation",
    "case": "case",
    "message": "line",
    "contact": "contact",
    "endpoint": "webhook",
    "link": "link",
    "interaction": "line",
    "team": "team",
    "view": "view",
    "alert": "alert",
    "request": "request",
    "colleague": "staff",
    "entry": "knowledge",
    "approval": "approval",
    "canned": "canned",
    "action": "action",
    "figure": "figure",
}
ELSEWHERE: Final[Mapping[str, str]] = {
    "/internal/{verb}": "a file of the house's own proves who asks: tests/gateway/test_inside.py",
    "/my-data/{token}": "a link that nobody guesses: test_privacy.py",
    "/api/{tail}": "nothing is there",
    "/console/static": "files of ours",
    "/static": "files of ours",
}
MISSING: Final = {"case": "C-9999", "figure": "luck"}
FIRM: Final = (
    "conversations",
    "interactions",
    "drafts",
    "contacts",
    "addresses",
    "saved_views",
    "teams",
    "team_members",
    "staff",
    "api_tokens",
    "webhook_endpoints",
    "canned_replies",
    "knowledge_entries",
    "consents",
    "alert_choices",
    "privacy_requests",
)
"""Tables that nothing but somebody's will changes."""


@pytest.fixture
async def floor(
    migrated_sqlite_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Floor]:
    async with open_floor(migrated_sqlite_url, tmp_path, clock, monkeypatch) as opened:
        yield opened


def firm(floor: Floor) -> dict[str, list[dict[str, Any]]]:
    held = everything(floor.console.house.url)
    assert set(FIRM) <= set(held)
    # Which team something waits for, and since when, is routing's to say.
    talks = [{name: row[name] for name in ("id", "state", "owner", "agent", "epoch")} for row in held["conversations"]]
    return {table: held[table] for table in FIRM} | {"conversations": talks}


def with_ids(floor: Floor) -> list[str]:
    """Every route of the application whose path says what it is about, as `GET /console/…`."""
    found = {
        f"{route.method} {route.resource.canonical}"
        for route in floor.console.server.app.router.routes()
        if route.resource is not None and "{" in route.resource.canonical and route.method != "HEAD"
    }
    return sorted(found)


def place_of(pattern: str) -> str | None:
    return next((kind for prefix, kind in PLACES.items() if pattern.startswith(prefix)), None)


async def furnish(floor: Floor) -> dict[str, str]:
    """One thing of every kind, by its id; what is personal is Liz's."""
    liz = next(row["id"] for row in floor.console.house.rows(Staff) if row["name"] == "Liz")

    def act(transaction: Transaction) -> None:
        alerts.raise_alert(transaction, kind=AlertKind.MENTIONED, subject=f"conversation:{floor.secret}", staff=liz)
        now, ada = transaction.now, 1
        rows: list[tuple[type[Entity], dict[str, object]]] = [
            (SavedView, {"staff_id": liz, "name": "hers", "shared": False, "query": {}, "made_at": now}),
            (ApiToken, _token(now, ada)),
            (WebhookEndpoint, _webhook(now, ada)),
        ]
        for entity, row in rows:
            transaction.connection.execute(insert(entity), row)

    await floor.console.house.do(act)
    numbers = dict.fromkeys(PLACES.values(), "1")
    return numbers | {
        "conversation": str(floor.secret),
        "contact": str(floor.contact),
        "case": floor.case,
        "line": str(floor.line),
        "figure": "conversations",
        "staff": str(liz),
        "team": str(floor.team),
        "alert": str(floor.console.house.rows(Alert)[-1]["id"]),
        "view": str(floor.console.house.rows(SavedView)[-1]["id"]),
    }


def _token(now: object, by: int) -> dict[str, object]:
    return {
        "token": b"x" * 32,
        "hint": "abcd",
        "name": "CRM",
        "scopes": ["converse"],
        "read_only": True,
        "made_by": by,
        "made_at": now,
    }


def _webhook(now: object, by: int) -> dict[str, object]:
    return {
        "name": "Shop",
        "url": "https://shop.example/",
        "kinds": ["message.received"],
        "scopes": [],
        "secret": b"s" * 32,
        "state": EndpointState.PAUSED,
        "position": 0,
        "failures": 0,
        "due_at": now,
        "made_by": by,
        "made_at": now,
    }


def filled(pattern: str, ident: str) -> str:
    return re.sub(r"\{\w+\}", "1", re.sub(r"\{\w+\}", ident, pattern, count=1))


def said(seen: Seen, path: str) -> tuple[int, str, str]:
    """What is told, but for the address that was asked for, and for how much has happened meanwhile."""
    told = [re.sub(r"mark=\w+-\d+", "", text.replace(quote(path, safe=""), "#")) for text in (seen.html, seen.where)]
    html, where = [text.replace(path, "#") for text in told]
    return seen.status, html, where


async def ask(person: Person, method: str, path: str) -> Seen:
    return await (person.get(path) if method == "GET" else person.post(path, {"text": "x", "name": "x"}))


async def test_every_route_with_an_id_has_its_entry_here(floor: Floor) -> None:
    strange: list[str] = []
    for name in with_ids(floor):
        pattern = name.partition(" ")[2]
        if pattern.startswith(ROOT):
            (place, *_) = re.findall(r"\{(\w+)\}", pattern)
            if place not in OF_CALLS:
                strange.append(name)
        elif place_of(pattern) is None and not pattern.startswith(tuple(ELSEWHERE)):
            strange.append(name)
    assert strange == []


async def test_where_the_right_is_missing_nobody_learns_what_there_is(floor: Floor) -> None:
    ids = await furnish(floor)
    people = {None: floor.console.somebody()} | {
        role: await floor.console.staff(f"X{role.title()}", role) for role in Role
    }
    told: list[str] = []
    before = firm(floor)
    for name in with_ids(floor):
        method, _, pattern = name.partition(" ")
        kind = place_of(pattern)
        if kind is None or name not in WHO_MAY:
            continue
        paths = [filled(pattern, one) for one in (ids[kind], MISSING.get(kind, "9999"))]
        for role, person in people.items():
            if role in WHO_MAY[name]:
                continue
            there, not_there = [await ask(person, method, path) for path in paths]
            if said(there, paths[0]) != said(not_there, paths[1]) or there.status not in (303, 403):
                told.append(f"{role} {name}: {there.status} {not_there.status}")
    assert told == []
    assert firm(floor) == before


async def test_what_is_not_yours_answers_as_what_there_is_not(floor: Floor) -> None:
    ids = await furnish(floor)
    asked, told = set[str](), list[str]()
    before = firm(floor)
    for name in with_ids(floor):
        method, _, pattern = name.partition(" ")
        kind = place_of(pattern)
        if kind not in NOT_HERS or Role.AGENT not in WHO_MAY.get(name, ()):
            continue
        asked.add(kind)
        paths = [filled(pattern, one) for one in (ids[kind], MISSING.get(kind, "9999"))]
        there, not_there = [await ask(floor.ben, method, path) for path in paths]
        if said(there, paths[0]) != said(not_there, paths[1]) or there.status != 404:
            told.append(f"{name}: {there.status} {not_there.status}")
    assert told == []
    assert asked == NOT_HERS
    assert firm(floor) == before
    looked = [row for row in floor.console.house.rows(AuditEntry) if row["who"] == "Ben" and "opened" in row["action"]]
    assert looked == [], "what was not shown was not seen"


async def test_a_program_learns_no_more_than_its_scopes_say(floor: Floor) -> None:
    ids = await furnish(floor)
    told: list[str] = []
    interface = Interface(console=floor.console)
    for call in CALLS:
        if not call.in_path:
            continue
        kind = OF_CALLS[call.in_path[0]]
        there, missing = ids[kind], MISSING.get(kind, "9999")
        # Each call with tokens of its own, so that none is asked too often.
        others = (scope for scope in EVERYTHING if scope != call.right)
        without = await interface.program(*others, name=f"All but that of {call.name}")
        paths = [filled(call.template, one) for one in (there, missing)]
        one, other = [await without.ask(call.method, path) for path in paths]
        if (one.status, str(one.said)) != (other.status, str(other.said)) or one.status != 403:
            told.append(f"{call.name} without its scope: {one.status} {other.status}")
        if kind not in NOT_HERS:
            continue
        member = await interface.program("converse", name=f"For {call.name}")
        one, other = [await member.ask(call.method, path) for path in paths]
        same = re.sub(rf"\b{there}\b", "#", str(one.said)) == re.sub(rf"\b{missing}\b", "#", str(other.said))
        if one.status != other.status or not same or one.status not in (403, 404, 422):
            told.append(f"{call.name} of another team: {one.said} {other.said}")
    assert told == [], "\n".join(told)


async def test_a_view_of_somebody_elses_is_neither_shown_nor_deleted(floor: Floor) -> None:
    ids = await furnish(floor)
    assert (await floor.ben.post(f"/console/inbox/views/{ids['view']}/delete")).status == 404
    assert len(floor.console.house.rows(SavedView)) == 1
    listed = await floor.console.house.do(views.views, by=await present(floor, "Ben"))
    assert listed == []


async def present(floor: Floor, name: str) -> Present:
    row = next(row for row in floor.console.house.rows(Staff) if row["name"] == name)
    return Present(
        staff=row["id"],
        name=name,
        email=row["email"],
        roles=tuple(row["roles"]),
        language="en",
        session=b"",
        seen_at=floor.console.house.clock.now(),
    )


async def test_nothing_changes_but_by_a_page_of_ours(floor: Floor) -> None:
    ids = await furnish(floor)
    every = await floor.console.staff("All", *Role)
    eve = await floor.console.staff("Eve", *Role)
    open_ways = list[str]()
    forgeries: Mapping[str, tuple[dict[str, str], dict[str, str]]] = {
        "no token": ({"csrf": ""}, {}),
        "somebody else's token": ({"csrf": eve.csrf}, {}),
        "another site": ({}, {"Origin": "https://evil.test"}),
        "a site of nobody": ({}, {"Origin": "null"}),
        "a site beside ours": ({}, {"Sec-Fetch-Site": "same-site"}),
        "a link": ({}, {"Sec-Fetch-Site": "cross-site"}),
    }
    before = firm(floor)
    changing = [route for route in ROUTES if route.method != "GET"]
    assert {f"POST {re.sub(r':[^{}]*(?:{[^{}]*})?[^{}]*}', '}', one.path)}" for one in changing} == {
        name for name in WHO_MAY if not name.startswith("GET ")
    }
    for route in changing:
        pattern = re.sub(r"\{(\w+):[^{}]*(?:\{[^{}]*\}[^{}]*)*\}", r"{\1}", route.path)
        path = filled(pattern, ids.get(place_of(pattern) or "", "1"))
        for how, (fields, headers) in forgeries.items():
            if route.right is None and "token" in how:
                continue  # nobody is logged in yet: its Origin is what the door goes by
            person = floor.console.somebody() if route.right is None else every
            if (await person.post(path, fields, headers)).status != 403:
                open_ways.append(f"{how}: {route.path}")
    assert open_ways == []
    assert firm(floor) == before
    assert (await every.get("/console/account")).status == 200


async def test_every_way_to_change_something_is_guarded_by_something(floor: Floor) -> None:
    """Outside the console no cookie is believed: programs show a token, providers sign, customers hold a link."""
    ways = {
        route.resource.canonical
        for route in floor.console.server.app.router.routes()
        if route.resource is not None and route.method not in ("GET", "HEAD")
    }
    others = {way for way in ways if not way.startswith(("/console", "/api/"))}
    assert others <= {"/internal/{verb}", "/my-data/{token}"}
    every = await floor.console.staff("All", *Role)
    for path in (f"{ROOT}/conversations", f"{ROOT}/webhooks"):
        assert (await every.get(path)).status == 401, "the console's cookie opens nothing here"


async def test_a_session_that_was_there_before_the_login_is_not_the_one_after_it(floor: Floor) -> None:
    victim = floor.console.somebody()
    planted = "planted-by-somebody-else"
    victim.client.session.cookie_jar.update_cookies({"rapport_session": planted})
    assert (await victim.get("/console/account")).where.startswith("/console/login")
    entered = await victim.log_in("ben@shop.test")
    assert planted not in entered.cookies["rapport_session"]
    attacker = floor.console.somebody()
    attacker.client.session.cookie_jar.update_cookies({"rapport_session": planted})
    assert (await attacker.get("/console/account")).where.startswith("/console/login")
    first = {cookie.key: cookie.value for cookie in victim.client.session.cookie_jar}["rapport_session"]
    await victim.log_in("ben@shop.test")
    second = {cookie.key: cookie.value for cookie in victim.client.session.cookie_jar}["rapport_session"]
    assert first != second, "each login has a session of its own"
