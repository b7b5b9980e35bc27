"""The way in for programs: who shows nothing gets nothing, and who shows something gets no more than it is good for."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert

from desk import programs
from storage.api_tokens import ApiAnswer, ApiToken
from storage.audit import AuditEntry
from storage.commits import Transaction
from storage.contacts import Address
from tests.clock import FrozenClock
from tests.web.api.programs import ROOT, Interface
from tests.web.console.people import ADA
from web.api.rates import BURST, PER_MINUTE, Rates


async def test_nothing_is_answered_without_a_token(interface: Interface) -> None:
    good = await interface.program()
    for token in ("", "rapport_nonsense", good.token[:-1], good.token + "x" * 300, "\u00fc"):
        told = await interface.calling(token).get("/conversations")
        assert (told.status, told.said["kind"]) == (401, "NoToken")
        assert told.headers["WWW-Authenticate"].startswith("Bearer")
    by_cookie = await good.client.get(f"{ROOT}/conversations", cookies={"rapport_session": good.token})
    by_address = await good.client.get(f"{ROOT}/conversations?access_token={good.token}")
    assert (by_cookie.status, by_address.status) == (401, 401)


async def test_a_token_is_stored_nowhere(interface: Interface) -> None:
    crm = await interface.program()
    row = interface.house.rows(ApiToken)[0]
    assert crm.token.encode() not in repr(row).encode()
    assert row["hint"] == crm.token[-4:]
    assert crm.token not in repr(interface.house.rows(AuditEntry))


async def test_a_token_opens_nothing_once_it_is_over_or_taken_back(interface: Interface) -> None:
    brief, lasting = await interface.program(days=30), await interface.program()
    assert (await brief.get("/staff")).status == 200
    interface.house.clock.advance(timedelta(days=30))
    assert (await brief.get("/staff")).status == 401
    assert (await lasting.get("/staff")).status == 200
    await interface.house.do(programs.end_token, by=ADA, token=2)
    assert (await lasting.get("/staff")).status == 401


async def test_it_is_known_when_a_token_was_used_last(interface: Interface) -> None:
    crm = await interface.program()
    await crm.get("/staff")
    assert interface.house.rows(ApiToken)[0]["used_at"] == interface.house.clock.now()


async def test_private_data_is_masked_without_its_scope_and_its_reading_is_noted_with_it(interface: Interface) -> None:
    await interface.house.write("hello", sender="ann")
    await interface.house.do(_give_addresses)
    blind, seeing = await interface.program("converse"), await interface.program("converse", "see_private", name="BI")
    for path in ("/contacts", "/contacts/1", "/contacts/tel:%2B8613800138000"):
        assert "13800138000" not in repr((await blind.get(path)).said)
        assert "annabel@" not in repr((await blind.get(path)).said)
        assert "13800138000" in repr((await seeing.get(path)).said)
    seen = [row for row in interface.house.rows(AuditEntry) if row["action"] == "api.readContact"]
    assert [(row["who"], row["subject"]) for row in seen] == [("BI", "contact:1"), ("BI", "contact:tel:+8613800138000")]


def _give_addresses(transaction: Transaction) -> None:
    transaction.connection.execute(
        insert(Address),
        [
            {"contact_id": 1, "uri": uri, "created_at": transaction.now}
            for uri in ("tel:+8613800138000", "mailto:annabel@shop.example")
        ],
    )


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/conversations/1/note", {"text": "x", "colour": "red"}, 422),
        ("/conversations/1/note", {"text": 7}, 422),
        ("/conversations/1/note", {}, 422),
        ("/conversations/1/note", {"text": "a\0b"}, 422),
        ("/conversations/1/note", [], 422),
        ("/conversations/1/note", {"by": "Ada", "text": "x"}, 422),
        ("/contacts/1/records", {"kind": "visit", "text": "x", "at": "2026-03-02T04:00:00"}, 422),
        ("/contacts/1/records", {"kind": "seance", "text": "x"}, 422),
        (f"/conversations/{'9' * 30}/take", {}, 422),
    ],
)
async def test_what_does_not_fit_is_refused_with_its_place(
    interface: Interface, path: str, body: object, status: int
) -> None:
    await interface.house.write("hello")
    told = await (await interface.program()).post(path, body)
    assert (told.status, told.headers["Content-Type"]) == (status, "application/problem+json")
    assert told.said["status"] == status
    assert told.said["detail"]


async def test_a_body_that_is_no_json_or_too_much_is_refused(interface: Interface) -> None:
    crm = await interface.program()
    shown = {"Authorization": f"Bearer {crm.token}"}
    address = f"{ROOT}/conversations/1/note"
    for sent, kind, status in (
        (b"{", "application/json", 400),
        (b"text=x", "application/x-www-form-urlencoded", 415),
        (b"{" + b" " * 300_000 + b"}", "application/json", 413),
        (b'{"text": "\xff"}', "application/json", 400),
    ):
        told = await crm.client.post(address, data=sent, headers={**shown, "Content-Type": kind})
        assert told.status == status


async def test_what_is_not_there_and_what_cannot_be_done_there_are_told_apart(interface: Interface) -> None:
    crm = await interface.program()
    assert (await crm.get("/nothing")).status == 404
    told = await crm.ask("DELETE", "/conversations/1")
    assert (told.status, told.headers["Allow"]) == (405, "GET")
    assert (await crm.ask("OPTIONS", "/conversations")).status == 405
    origin = await crm.get("/conversations", Origin="https://evil.example")
    assert not [name for name in origin.headers if name.lower().startswith("access-control")]


async def test_who_asks_too_often_is_told_when_to_go_on(interface: Interface) -> None:
    hasty, calm = await interface.program("converse"), await interface.program("converse")
    first = last = await hasty.get("/staff")
    asked = 1
    while last.status == 200 and asked < 100 * BURST:
        last, asked = await hasty.get("/staff"), asked + 1
    assert first.headers["RateLimit-Policy"] == f'"token";q={BURST};w=10'
    assert first.headers["RateLimit"].startswith(f'"token";r={BURST - 1}')
    assert (last.status, last.said["kind"], last.headers["Retry-After"]) == (429, "TooMany", "1")
    assert (await calm.get("/staff")).status == 200


def test_a_bucket_fills_as_time_goes_by() -> None:
    clock = FrozenClock()
    rates = Rates(clock.monotonic)
    assert all(rates.ask("one").granted for _ in range(BURST))
    refused = rates.ask("one")
    assert (refused.granted, refused.headers["Retry-After"]) == (False, "1")
    assert rates.ask("two").granted
    clock.advance(60 / PER_MINUTE)
    assert rates.ask("one").granted
    assert not rates.ask("one").granted


async def test_what_a_key_stood_for_is_forgotten_after_a_day(interface: Interface) -> None:
    crm = await interface.program()
    await interface.house.write("hello")
    await crm.post("/conversations/1/note", {"text": "one"}, Idempotency_Key="k")
    interface.house.clock.advance(programs.ANSWERS_KEPT)
    await interface.house.do(programs.forget_answers)
    assert interface.house.rows(ApiAnswer) == []
    other = await crm.post("/conversations/1/note", {"text": "two"}, Idempotency_Key="k")
    assert other.status == 200


async def test_a_program_lets_others_hear_no_more_than_it_may_see(interface: Interface) -> None:
    narrow, wide = await interface.program("connect"), await interface.program("connect", "converse")
    given = {"name": "Shop", "url": "https://shop.example/x", "kinds": ["case.opened"], "scopes": ["converse"]}
    assert (await narrow.post("/webhooks", given)).said["kind"] == "NotGranted"
    made = await wide.post("/webhooks", given)
    assert made.said["secret"].startswith("whsec_")
    assert "whsec" not in repr((await wide.get("/webhooks")).said)
    assert (await narrow.ask("PUT", "/webhooks/1", given)).said["kind"] == "NotGranted"
