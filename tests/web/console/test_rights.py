"""Every route × role: generated from the application itself, so that no page is forgotten."""

from __future__ import annotations

from collections.abc import Mapping

from storage.staff import Role
from tests.web.console.people import Console

DOOR = frozenset({None, *Role})
EVERYBODY = frozenset(Role)
ADMIN = frozenset({Role.ADMIN})
ARRANGE = frozenset({Role.SUPERVISOR, Role.ADMIN})
CONVERSE = frozenset({Role.AGENT, Role.SUPERVISOR})
REPORTS = frozenset({Role.AGENT, Role.MARKETER, Role.SUPERVISOR})

WHO_MAY: Mapping[str, frozenset[Role | None]] = {
    "GET /console/login": DOOR,
    "POST /console/login": DOOR,
    "POST /console/code": DOOR,
    "GET /console/come-in/{token}": DOOR,
    "POST /console/come-in/{token}": DOOR,
    "GET /console/openid": DOOR,
    "GET /console/openid/back": DOOR,
    "POST /console/logout": EVERYBODY,
    "POST /console/account/openid": EVERYBODY,
    "POST /console/account/openid/end": EVERYBODY,
    "GET /console": EVERYBODY,
    "GET /console/events": EVERYBODY,
    "GET /console/account": EVERYBODY,
    "POST /console/account/password": EVERYBODY,
    "POST /console/account/language": EVERYBODY,
    "POST /console/account/sessions": EVERYBODY,
    "POST /console/account/second-factor/new": EVERYBODY,
    "POST /console/account/second-factor": EVERYBODY,
    "POST /console/account/second-factor/end": EVERYBODY,
    "GET /console/staff": ADMIN,
    "POST /console/staff": ADMIN,
    "POST /console/staff/{id}/roles": ADMIN,
    "POST /console/staff/{id}/reset": ADMIN,
    "POST /console/staff/{id}/let-go": ADMIN,
    "POST /console/staff/{id}/take-back": ADMIN,
    "GET /console/audit": frozenset({Role.SUPERVISOR, Role.ADMIN}),
    "GET /console/programs": ADMIN,
    "GET /console/programs/reference": ADMIN,
    "POST /console/programs/tokens": ADMIN,
    "POST /console/programs/tokens/{id}/end": ADMIN,
    "POST /console/programs/webhooks": ADMIN,
    "GET /console/programs/webhooks/{id}": ADMIN,
    "GET /console/programs/webhooks/{id}/attempts": ADMIN,
    "POST /console/programs/webhooks/{id}": ADMIN,
    "POST /console/programs/webhooks/{id}/pause": ADMIN,
    "POST /console/programs/webhooks/{id}/resume": ADMIN,
    "POST /console/programs/webhooks/{id}/skip": ADMIN,
    "POST /console/programs/webhooks/{id}/test": ADMIN,
    "POST /console/programs/webhooks/{id}/send-again": ADMIN,
    "POST /console/programs/webhooks/{id}/secret": ADMIN,
    "POST /console/programs/webhooks/{id}/remove": ADMIN,
    "GET /console/inbox": CONVERSE,
    "GET /console/search": CONVERSE,
    "POST /console/inbox/views": CONVERSE,
    "POST /console/inbox/views/{id}/delete": CONVERSE,
    "GET /console/contacts/{id}": CONVERSE,
    "GET /console/contacts/{id}/lines": CONVERSE,
    "GET /console/contacts/{id}/side": CONVERSE,
    "GET /console/contacts/{id}/same": CONVERSE,
    "GET /console/contacts/{id}/link": CONVERSE,
    "POST /console/contacts/{id}/link": CONVERSE,
    "POST /console/contacts/{id}/unlink": CONVERSE,
    "POST /console/contacts/{id}/private": frozenset({Role.SUPERVISOR}),
    "POST /console/contacts/{id}/profile": CONVERSE,
    "POST /console/contacts/{id}/record": CONVERSE,
    "POST /console/contacts/{id}/note": CONVERSE,
    "POST /console/contacts/{id}/consent": CONVERSE,
    "POST /console/contacts/{id}/code": CONVERSE,
    "POST /console/contacts/{id}/block": CONVERSE,
    "POST /console/contacts/{id}/unblock": CONVERSE,
    "POST /console/contacts/{id}/privacy": CONVERSE,
    "POST /console/contacts/{id}/export": frozenset({Role.SUPERVISOR, Role.ADMIN}),
    "GET /console/spam": CONVERSE,
    "POST /console/conversations/{id}/spam": CONVERSE,
    "POST /console/conversations/{id}/not-spam": CONVERSE,
    "GET /console/privacy": frozenset({Role.SUPERVISOR, Role.ADMIN}),
    "POST /console/privacy/{id}/copy": frozenset({Role.SUPERVISOR, Role.ADMIN}),
    "POST /console/privacy/{id}/erase": frozenset({Role.SUPERVISOR, Role.ADMIN}),
    "POST /console/privacy/{id}/refuse": frozenset({Role.SUPERVISOR, Role.ADMIN}),
    "GET /console/conversations/{id}": CONVERSE,
    "GET /console/conversations/{id}/lines": CONVERSE,
    "GET /console/conversations/{id}/company": CONVERSE,
    "POST /console/conversations/{id}/writing": CONVERSE,
    "POST /console/conversations/{id}/take": CONVERSE,
    "POST /console/conversations/{id}/reply": CONVERSE,
    "POST /console/conversations/{id}/note": CONVERSE,
    "POST /console/conversations/{id}/handback": CONVERSE,
    "POST /console/conversations/{id}/resolve": CONVERSE,
    "POST /console/conversations/{id}/reopen": CONVERSE,
    "GET /console/conversations/{id}/reply": CONVERSE,
    "POST /console/conversations/{id}/undo": CONVERSE,
    "POST /console/conversations/{id}/draft": CONVERSE,
    "POST /console/conversations/{id}/files": CONVERSE,
    "POST /console/conversations/{id}/files/detach": CONVERSE,
    "GET /console/conversations/{id}/files/{line}/{place}": CONVERSE,
    "GET /console/conversations/{id}/letters/{line}": CONVERSE,
    "GET /console/conversations/{id}/canned": CONVERSE,
    "GET /console/conversations/{id}/colleagues": CONVERSE,
    "GET /console/canned": CONVERSE,
    "POST /console/canned": CONVERSE,
    "POST /console/canned/{canned}/forget": CONVERSE,
    "POST /console/presence": CONVERSE,
    "POST /console/presence/beat": CONVERSE,
    "GET /console/conversations/{id}/transfer": CONVERSE,
    "POST /console/conversations/{id}/transfer": CONVERSE,
    "GET /console/teams": ARRANGE,
    "POST /console/teams": ARRANGE,
    "POST /console/teams/{id}": ARRANGE,
    "POST /console/teams/{id}/close": ARRANGE,
    "POST /console/teams/people/{id}": ARRANGE,
    "GET /console/board": frozenset({Role.SUPERVISOR}),
    "GET /console/alerts": EVERYBODY,
    "GET /console/alerts/bell": EVERYBODY,
    "GET /console/alerts/{id}": EVERYBODY,
    "POST /console/alerts/read": EVERYBODY,
    "GET /console/account/alerts": EVERYBODY,
    "POST /console/account/alerts": EVERYBODY,
    "POST /console/account/alerts/hours": EVERYBODY,
    "POST /console/account/alerts/telegram": EVERYBODY,
    "POST /console/account/alerts/telegram/end": EVERYBODY,
    "GET /console/reports": REPORTS,
    "GET /console/reports.csv": REPORTS,
    "GET /console/reports/{figure}": REPORTS,
    "GET /console/reports/{figure}.csv": REPORTS,
    "GET /console/learning": CONVERSE,
    "POST /console/learning": CONVERSE,
    "GET /console/learning/lines/{id}": CONVERSE,
    "POST /console/learning/lines/{id}": CONVERSE,
    "GET /console/knowledge": CONVERSE,
    "POST /console/knowledge": CONVERSE,
    "GET /console/knowledge/new": CONVERSE,
    "GET /console/knowledge/{id}": CONVERSE,
    "POST /console/knowledge/{id}/edit": CONVERSE,
    "POST /console/knowledge/{id}/approve": frozenset({Role.SUPERVISOR}),
    "POST /console/knowledge/{id}/refuse": frozenset({Role.SUPERVISOR}),
    "POST /console/knowledge/{id}/withdraw": frozenset({Role.SUPERVISOR}),
    "GET /console/cases": CONVERSE,
    "POST /console/cases": CONVERSE,
    "GET /console/cases/new": CONVERSE,
    "POST /console/case-links/{id}/undo": CONVERSE,
    "POST /console/approvals/{id}/grant": frozenset({Role.SUPERVISOR}),
    "POST /console/approvals/{id}/refuse": frozenset({Role.SUPERVISOR}),
    "POST /console/approvals/{id}/withdraw": CONVERSE,
    "GET /console/conversations/{id}/cases": CONVERSE,
    "POST /console/conversations/{id}/cases/attach": CONVERSE,
    "POST /console/conversations/{id}/cases/detach": CONVERSE,
    "GET /console/causes": CONVERSE,
    "POST /console/causes": frozenset({Role.SUPERVISOR}),
    "POST /console/causes/actions/{id}/done": CONVERSE,
    "POST /console/causes/actions/{id}/drop": CONVERSE,
    "GET /console/cases/{id}": CONVERSE,
    "GET /console/cases/{id}/now": CONVERSE,
    "GET /console/cases/{id}/timeline": CONVERSE,
    "POST /console/cases/{id}/facts": CONVERSE,
    "POST /console/cases/{id}/owner": CONVERSE,
    "POST /console/cases/{id}/priority": CONVERSE,
    "POST /console/cases/{id}/cause": CONVERSE,
    "POST /console/cases/{id}/judge": CONVERSE,
    "POST /console/cases/{id}/wait": CONVERSE,
    "POST /console/cases/{id}/resolve": CONVERSE,
    "POST /console/cases/{id}/close": CONVERSE,
    "POST /console/cases/{id}/reopen": CONVERSE,
    "POST /console/cases/{id}/note": CONVERSE,
    "POST /console/cases/{id}/propose": CONVERSE,
    "POST /console/cases/{id}/answer": CONVERSE,
    "POST /console/cases/{id}/compensate": CONVERSE,
    "POST /console/cases/{id}/take-back": CONVERSE,
    "POST /console/cases/{id}/ask": CONVERSE,
    "POST /console/cases/{id}/promise": CONVERSE,
    "POST /console/cases/{id}/kept": CONVERSE,
    "POST /console/cases/{id}/merge": CONVERSE,
    "POST /console/cases/{id}/split": CONVERSE,
    "POST /console/cases/{id}/reach": frozenset({Role.SUPERVISOR}),
}
"""None: a stranger."""
LAST = "POST /console/logout"
STREAMS = "GET /console/events"


async def test_each_role_reaches_what_it_may_and_nothing_else(console: Console) -> None:
    routes = {
        f"{route.method} {route.resource.canonical}"
        for route in console.server.app.router.routes()
        if route.resource is not None
        and route.resource.canonical.startswith("/console")
        and not route.resource.canonical.startswith("/console/static")
        and route.method != "HEAD"
    }
    assert routes == set(WHO_MAY), "every route of the console says here who may use it"
    people = {None: console.somebody()} | {role: await console.staff(role.title(), role) for role in Role}
    wrong: list[str] = []
    for name in sorted(WHO_MAY, key=lambda name: name == LAST):
        method, _, pattern = name.partition(" ")
        path = (
            pattern.replace("{id}", "999")
            .replace("{token}", "x")
            .replace("{figure}", "conversations")
            .replace("{line}", "9")
            .replace("{place}", "0")
            .replace("{canned}", "9")
        )
        for role, person in people.items():
            if name == STREAMS and role in WHO_MAY[name]:
                continue  # it goes on for ever; test_live listens to it
            seen = await (person.get(path) if method == "GET" else person.post(path))
            let_in = seen.status != 403 and not seen.where.startswith("/console/login?next=")
            if let_in != (role in WHO_MAY[name]):
                wrong.append(f"{role} {name}: {seen.status}")
    assert wrong == []
