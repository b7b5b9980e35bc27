"""What the interface says of itself is what it does: every call is described, and answers are as described."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from jsonschema_rs import validator_for
from schemathesis.checks import CHECKS
from schemathesis.core.result import Ok

from desk.events import EventBody
from storage.events import EventKind
from tests.clock import FrozenClock
from tests.web.api.programs import ROOT, Interface, open_interface
from web.api.offered import CALLS
from web.api.openapi import PARAMETERS, described
from web.api.rates import Rates

EXAMPLE = {"figure": "conversations", "view": "all"}
"""Of what stands in a path; else the first of its kind."""
ASKED = {"search": "?query=person", "listKnowledge": "?state=proposed"}
EXAMPLES = 4
"""For each call."""
WANTED = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
)


def test_every_call_is_described() -> None:
    document = described(CALLS)
    operations = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert operations == {(call.method, call.template) for call in CALLS}
    assert len({call.name for call in CALLS}) == len(CALLS)
    for call in CALLS:
        operation = document["paths"][call.template][call.method.lower()]
        assert operation["summary"], call.name
        assert set(call.in_path) <= {each["name"] for each in operation["parameters"] if each["in"] == "path"}
        described_ones = {each["name"] for each in operation["parameters"]} - {"If-Match"}
        assert set(call.in_path) <= described_ones
        assert "transaction" not in repr(operation)
        assert '"by"' not in repr(operation)


def test_every_event_is_described() -> None:
    webhooks = described(CALLS)["webhooks"]
    assert set(webhooks) == {*(kind.value for kind in EventKind), "webhook.ping"}
    assert EventBody.__name__ in described(CALLS)["components"]["schemas"]


def test_nothing_is_explained_that_no_call_has() -> None:
    known = {name for call in CALLS for name in (*call.in_path, *call.elsewhere)}
    assert set(PARAMETERS) <= known


async def test_the_document_is_open_to_everybody_and_says_nothing_of_anybody(interface: Interface) -> None:
    told = await interface.calling("").get("/openapi.json")
    assert (told.status, told.said["openapi"]) == (200, "3.1.1")


async def test_answers_are_as_described(interface: Interface) -> None:
    """With people in the house: what they are answered with has every kind of field in it."""
    crm = await interface.program()
    await interface.asks_for_a_person()
    await crm.post("/conversations/1/take")
    await crm.post("/conversations/1/reply", {"text": "Good day."})
    await crm.post("/contacts/1/records", {"kind": "visit", "text": "came by"})
    made = await crm.post("/cases", {"contact": "1", "subject": "The kettle leaks", "conversation": 1})
    example = EXAMPLE | {"case": made.said}
    document, seen = described(CALLS), set[str]()
    for call in CALLS:
        if not call.reads:
            continue
        if call.media != "application/json":
            continue
        path = re.sub(r"\{(\w+)\}", lambda place: example.get(place[1], "1"), call.template)
        path = path.replace("case-views/all", "case-views/open")
        told = await crm.get(path + ASKED.get(call.name, ""))
        schema = document["paths"][call.template]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        if told.status == 200:
            seen.add(call.name)
            validator_for({**schema, "components": document["components"]}).validate(told.said)
        else:
            assert told.status == 404 or call.name == "draftKnowledge", (call.name, told.said)
    assert len(seen) >= 30, "most of them had something to say"


@pytest.fixture
async def patient(
    migrated_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Interface]:
    """Where nobody asks too often."""
    monkeypatch.setattr("web.api.routes.Rates", lambda monotonic: Rates(monotonic, per_minute=10**6, burst=10**6))
    async with open_interface(migrated_url, tmp_path, clock, monkeypatch) as opened:
        yield opened


@pytest.mark.slow
async def test_nothing_that_can_be_asked_breaks_it(patient: Interface) -> None:
    """Schemathesis makes requests of the document, right ones and wrong ones, seeded."""
    crm = await patient.program()
    await patient.asks_for_a_person()
    shown = {"Authorization": f"Bearer {crm.token}"}
    origin = str(patient.console.server.make_url("")).rstrip("/")

    def try_all() -> None:
        schema = schemathesis.openapi.from_url(f"{origin}{ROOT}/openapi.json")
        schema.config.update(base_url=f"{origin}{ROOT}")
        checks = [CHECKS.get_one(name) for name in WANTED]
        for result in schema.get_all_operations():
            assert isinstance(result, Ok), result
            _try(result.ok(), checks, shown)

    await asyncio.to_thread(try_all)


def _try(operation: Any, checks: list[Any], headers: dict[str, str]) -> None:
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
    def ask(case: Any) -> None:
        case.call_and_validate(headers=headers, checks=checks)

    for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):
        given(case=operation.as_strategy(generation_mode=mode))(ask)()
