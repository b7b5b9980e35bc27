"""Every call × scope: generated from the application itself, so that none is forgotten."""

from __future__ import annotations

from collections.abc import Mapping

from desk.rights import Right
from tests.web.api.programs import ROOT, Interface
from web.api.offered import CALLS, SCOPES

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
}


async def test_each_scope_opens_what_it_should_and_nothing_else(interface: Interface) -> None:
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
        path = template
        for place in ("conversation", "message", "contact", "case", "link", "endpoint"):
            path = path.replace(f"{{{place}}}", "999")
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
