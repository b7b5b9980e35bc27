"""Every call × scope: generated from the application itself, so that none is forgotten."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from desk.rights import Right
from tests.web.api.programs import ROOT, Interface
from web.api.offered import CALLS, SCOPES
from web.api.rates import Rates

OPEN = frozenset({f"GET {ROOT}/openapi.json"})
"""For everybody, without a token."""
WHO_MAY: Mapping[str, Right] = {
    "GET /conversations": Right.CONVERSE,
    "GET /queue": Right.CONVERSE,
    "GET /conversations/{conversation}": Right.CONVERSE,
    "POST /conversations/{conversation}/take": Right.CONVERSE,
    "POST /conversations/{conversation}/reply": Right.CONVERSE,
    "POST /conversations/{conversation}/note": Right.CONVERSE,
    "POST /conversations/{conversation}/handback": Right.CONVERSE,
    "POST /conversations/{conversation}/resolve": Right.CONVERSE,
    "POST /conversations/{conversation}/not-spam": Right.CONVERSE,
    "GET /messages": Right.CONVERSE,
    "GET /messages/{message}": Right.CONVERSE,
    "GET /contacts": Right.CONVERSE,
    "GET /contacts/{contact}": Right.CONVERSE,
    "POST /contacts/{contact}/records": Right.CONVERSE,
    "POST /contacts/{contact}/links": Right.CONVERSE,
    "POST /contacts/{contact}/link-code": Right.CONVERSE,
    "DELETE /links/{link}": Right.CONVERSE,
    "GET /cases": Right.CONVERSE,
    "GET /cases/{case}": Right.CONVERSE,
    "POST /cases/{case}/promises-kept": Right.CONVERSE,
    "POST /conversations/{conversation}/transfer": Right.CONVERSE,
    "POST /conversations/{conversation}/spam": Right.CONVERSE,
    "POST /contacts/{contact}/block": Right.CONVERSE,
    "POST /contacts/{contact}/unblock": Right.CONVERSE,
    "POST /cases/{case}/facts": Right.CONVERSE,
    "POST /cases/{case}/owner": Right.CONVERSE,
    "POST /cases/{case}/verdict": Right.CONVERSE,
    "POST /cases/{case}/waiting": Right.CONVERSE,
    "POST /cases/{case}/resolve": Right.CONVERSE,
    "POST /cases/{case}/close": Right.CONVERSE,
    "POST /cases/{case}/reopen": Right.CONVERSE,
    "POST /cases/{case}/note": Right.CONVERSE,
    "GET /staff": Right.CONVERSE,
    "GET /webhooks": Right.CONNECT,
    "POST /webhooks": Right.CONNECT,
    "GET /webhooks/{endpoint}": Right.CONNECT,
    "PUT /webhooks/{endpoint}": Right.CONNECT,
    "DELETE /webhooks/{endpoint}": Right.CONNECT,
    "POST /webhooks/{endpoint}/pause": Right.CONNECT,
    "POST /webhooks/{endpoint}/resume": Right.CONNECT,
    "POST /webhooks/{endpoint}/skip": Right.CONNECT,
    "POST /webhooks/{endpoint}/test": Right.CONNECT,
    "POST /webhooks/{endpoint}/secret": Right.CONNECT,
    "GET /webhooks/{endpoint}/attempts": Right.CONNECT,
    "POST /webhooks/{endpoint}/send-again": Right.CONNECT,
    "GET /search": Right.CONVERSE,
    "GET /inbox/{view}": Right.CONVERSE,
    "GET /views": Right.CONVERSE,
    "POST /views": Right.CONVERSE,
    "DELETE /views/{view}": Right.CONVERSE,
    "POST /conversations/{conversation}/reopen": Right.CONVERSE,
    "GET /conversations/{conversation}/cases": Right.CONVERSE,
    "GET /contacts/{contact}/card": Right.CONVERSE,
    "PATCH /contacts/{contact}/card": Right.CONVERSE,
    "GET /contacts/{contact}/history": Right.CONVERSE,
    "POST /contacts/{contact}/note": Right.CONVERSE,
    "POST /contacts/{contact}/consents": Right.CONVERSE,
    "GET /contacts/{contact}/same-person": Right.CONVERSE,
    "POST /contacts/{contact}/privacy": Right.CONVERSE,
    "GET /privacy": Right.PRIVACY,
    "POST /privacy/{request}/erase": Right.PRIVACY,
    "POST /privacy/{request}/refuse": Right.PRIVACY,
    "POST /cases/{case}/conversations": Right.CONVERSE,
    "GET /case-views/{view}": Right.CONVERSE,
    "POST /cases": Right.CONVERSE,
    "GET /cases/{case}/file": Right.CONVERSE,
    "GET /cases/{case}/alike": Right.CONVERSE,
    "POST /cases/{case}/reach": Right.SEE_PRIVATE,
    "POST /cases/{case}/cause": Right.CONVERSE,
    "POST /cases/{case}/priority": Right.CONVERSE,
    "POST /cases/{case}/proposals": Right.CONVERSE,
    "POST /cases/{case}/answer": Right.CONVERSE,
    "POST /cases/{case}/compensations": Right.CONVERSE,
    "POST /cases/{case}/compensations/{compensation}/take-back": Right.CONVERSE,
    "POST /cases/{case}/approvals": Right.CONVERSE,
    "POST /cases/{case}/promises": Right.CONVERSE,
    "POST /cases/{case}/promises/{promise}/kept": Right.CONVERSE,
    "POST /cases/{case}/merge": Right.CONVERSE,
    "POST /cases/{case}/split": Right.CONVERSE,
    "POST /case-links/{link}/undo": Right.CONVERSE,
    "GET /approvals": Right.DIRECT,
    "POST /approvals/{approval}/grant": Right.DIRECT,
    "POST /approvals/{approval}/refuse": Right.DIRECT,
    "POST /approvals/{approval}/withdraw": Right.CONVERSE,
    "GET /causes": Right.CONVERSE,
    "POST /causes": Right.DIRECT,
    "POST /cause-actions/{action}": Right.CONVERSE,
    "GET /canned": Right.CONVERSE,
    "POST /canned": Right.CONVERSE,
    "DELETE /canned/{canned}": Right.CONVERSE,
    "GET /learning": Right.TEACH,
    "GET /learning/{interaction}": Right.TEACH,
    "POST /learning/{interaction}/correct": Right.TEACH,
    "POST /learning/{interaction}/discard": Right.TEACH,
    "GET /knowledge": Right.TEACH,
    "POST /knowledge": Right.TEACH,
    "GET /knowledge/{entry}": Right.TEACH,
    "PUT /knowledge/{entry}": Right.TEACH,
    "GET /knowledge/{entry}/versions": Right.TEACH,
    "GET /messages/{interaction}/knowledge": Right.TEACH,
    "POST /knowledge/{entry}/approve": Right.DIRECT,
    "POST /knowledge/{entry}/refuse": Right.DIRECT,
    "POST /knowledge/{entry}/withdraw": Right.DIRECT,
    "GET /reports": Right.READ_REPORTS,
    "GET /reports.csv": Right.READ_REPORTS,
    "GET /reports/{figure}": Right.READ_REPORTS,
    "GET /reports/{figure}.csv": Right.READ_REPORTS,
    "GET /board": Right.DIRECT,
    "GET /teams": Right.ARRANGE,
    "POST /teams": Right.ARRANGE,
    "PUT /teams/{team}": Right.ARRANGE,
    "DELETE /teams/{team}": Right.ARRANGE,
    "PUT /skills/{colleague}": Right.ARRANGE,
    "GET /alerts": Right.CONNECT,
    "POST /alerts/{alert}/read": Right.CONNECT,
    "POST /alerts/read": Right.CONNECT,
    "GET /alert-settings": Right.CONNECT,
    "PUT /alert-settings": Right.CONNECT,
    "PUT /alert-settings/hours": Right.CONNECT,
    "GET /audit": Right.READ_AUDIT,
}


async def test_each_scope_opens_what_it_should_and_nothing_else(
    interface: Interface, monkeypatch: pytest.MonkeyPatch
) -> None:
    # There are more calls than a token may make at once.
    monkeypatch.setattr("web.api.routes.Rates", lambda monotonic: Rates(monotonic, per_minute=10**6, burst=10**6))
    served = {
        route.resource.canonical.removeprefix(ROOT)
        for route in interface.console.server.app.router.routes()
        if route.resource is not None and route.resource.canonical.startswith("/api/")
    }
    assert served - {"/openapi.json", "/api/{tail}"} == {name.partition(" ")[2] for name in WHO_MAY}
    assert {f"{call.method} {call.template}" for call in CALLS} == set(WHO_MAY), "every call says here what it takes"
    people = {scope: await interface.program(scope) for scope in SCOPES}
    reader = await interface.program(read_only=True)
    wrong: list[str] = []
    for name, right in WHO_MAY.items():
        method, _, template = name.partition(" ")
        path = re.sub(r"\{\w+\}", lambda place: "any" if place[0] == "{figure}" else "999", template)
        for scope, program in people.items():
            told = await program.ask(method, path)
            if (told.status != 403) != (scope is right):
                wrong.append(f"{scope} {name}: {told.status}")
        if ((await reader.ask(method, path)).status == 403) == (method == "GET"):
            wrong.append(f"reader {name}")
        stranger = await interface.calling("").ask(method, path)
        if stranger.status != 401:
            wrong.append(f"stranger {name}: {stranger.status}")
    assert wrong == []
