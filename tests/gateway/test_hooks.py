"""Events are told in order, once each as far as we can know, signed, and to nobody inside."""

from __future__ import annotations

import base64
import hmac
from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from aiohttp import web
from jsonschema_rs import validator_for

from desk import conversations, people, webhooks
from desk.webhooks import EndpointMade
from gateway.settings import Settings, Webhooks
from storage.alerts import Alert
from storage.events import Event, EventKind
from storage.webhooks import EndpointState, WebhookAttempt, WebhookEndpoint
from tests.clock import FrozenClock
from tests.gateway import desk_house
from tests.gateway.desk_house import House
from tests.web.api.programs import open_interface
from tests.web.api.receivers import Heard, Receiver, open_receiver
from tests.web.console.people import ADA
from web.api.offered import CALLS
from web.api.openapi import described

HERE = {"allowed_networks": ["127.0.0.0/8", "::1/128"]}
ALL = tuple(kind.value for kind in EventKind)
DOCUMENT = described(CALLS)
EVENT = validator_for({"$ref": "#/components/schemas/EventBody", "components": DOCUMENT["components"]})
"""As the OpenAPI document has it."""
MESSAGES = ("message.received", "message.sent")


@pytest.fixture
async def house(
    migrated_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[House]:
    """It may tell endpoints on this machine."""
    usual = desk_house.settings_for

    def settings_for(url: str, folder: Path) -> Settings:
        return usual(url, folder).model_copy(update={"webhooks": Webhooks.model_validate(HERE)})

    monkeypatch.setattr(desk_house, "settings_for", settings_for)
    async with open_interface(migrated_url, tmp_path, clock, monkeypatch) as opened:
        yield opened.house


@pytest.fixture
async def receiver() -> AsyncGenerator[Receiver]:
    async with open_receiver() as opened:
        yield opened


async def listens(
    house: House, receiver: Receiver, *kinds: str, scopes: Sequence[str] = ("converse", "see_private")
) -> EndpointMade:
    return await house.do(
        webhooks.add_endpoint, by=ADA, name="Shop", url=receiver.url, kinds=kinds or ALL, scopes=scopes
    )


async def told(house: House) -> None:
    """Everything that is due is told."""
    await house.gateway.desk.hooks.settle()


async def test_what_happens_is_told_in_its_order(house: House, receiver: Receiver) -> None:
    await listens(house, receiver)
    house.hears.intent = "human_request"
    await house.write("a person, please")
    await house.do(conversations.take, conversation=1, by="Ben")
    await house.do(conversations.reply, conversation=1, by="Ben", text="Good day.")
    await house.later(1)
    await house.do(conversations.note, conversation=1, by="Ben", text="calls back")
    await house.do(conversations.resolve, conversation=1, by="Ben")
    await told(house)
    assert receiver.kinds == [
        "conversation.opened",
        "message.received",
        "conversation.handed_off",
        "message.sent",
        "conversation.owner_changed",
        "message.sent",
        "note.written",
        "conversation.closed",
    ]
    assert receiver.heard[1].said["data"]["message"]["text"] == "a person, please"
    assert receiver.heard[4].said["data"]["change"] | {"epoch": 0} == {
        "before": "queue",
        "before_agent": None,
        "after": "agent",
        "after_agent": "Ben",
        "epoch": 0,
    }
    await told(house)
    assert len({heard.id for heard in receiver.heard}) == len(receiver.heard) == 8
    for heard in receiver.heard:
        EVENT.validate(heard.said)


async def test_whoever_knows_the_secret_can_tell_that_it_was_us(house: House, receiver: Receiver) -> None:
    made = await listens(house, receiver, "message.received")
    await house.write("hello")
    await told(house)
    other = await house.do(webhooks.new_secret, by=ADA, endpoint=made.endpoint)
    await house.write("hello again")
    await told(house)
    house.clock.advance(webhooks.OLD_SECRET_SIGNS + timedelta(seconds=1))
    await house.write("hello once more")
    await told(house)
    first, both, last = receiver.heard
    assert first.signatures == signature(made.secret, first)
    assert both.signatures == f"{signature(other.secret, both)} {signature(made.secret, both)}"
    assert last.signatures == signature(other.secret, last)
    assert int(last.timestamp) == int(house.clock.now().timestamp())


def signature(secret: str, heard: Heard) -> str:
    """As Standard Webhooks 1.0 has it."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{heard.id}.{heard.timestamp}.".encode() + heard.body
    return f"v1,{base64.b64encode(hmac.new(key, signed, sha256).digest()).decode()}"


async def test_what_is_not_taken_is_told_again_before_what_came_after(house: House, receiver: Receiver) -> None:
    await listens(house, receiver, "message.received")
    receiver.answer = lambda heard: web.Response(status=500, text="out of order")
    await house.write("one")
    await house.write("two")
    await told(house)
    assert texts(receiver) == ["one"]
    await told(house)
    assert texts(receiver) == ["one"], "it is not asked again at once"
    receiver.answer = lambda heard: web.Response()
    house.clock.advance(5)
    await told(house)
    assert texts(receiver) == ["one", "one", "two"]
    assert receiver.heard[0].id == receiver.heard[1].id
    failed = house.rows(WebhookAttempt)[0]
    assert (failed["status"], failed["failure"], failed["answer"]) == (500, "it answered 500", "out of order")


def texts(receiver: Receiver) -> list[str]:
    return [heard.said["data"]["message"]["text"] for heard in receiver.heard]


async def test_an_endpoint_that_fails_for_days_is_held_back_and_goes_on_where_it_stopped(
    house: House, receiver: Receiver
) -> None:
    made = await listens(house, receiver, "message.received")
    receiver.answer = lambda heard: web.Response(status=503)
    await house.write("one")
    for _ in range(90):
        await told(house)
        house.clock.advance(timedelta(hours=1))
    endpoint = house.rows(WebhookEndpoint)[0]
    assert endpoint["state"] is EndpointState.BROKEN
    assert [alert["subject"] for alert in house.rows(Alert)] == ["webhook:1"]
    await house.write("two")
    receiver.heard.clear()
    receiver.answer = lambda heard: web.Response()
    await told(house)
    assert receiver.heard == []
    await house.do(webhooks.resume_endpoint, by=ADA, endpoint=made.endpoint)
    await told(house)
    assert texts(receiver) == ["one", "two"]


async def test_an_endpoint_that_wants_no_more_is_asked_no_more(house: House, receiver: Receiver) -> None:
    await listens(house, receiver, "message.received")
    receiver.answer = lambda heard: web.Response(status=410)
    await house.write("one")
    await told(house)
    assert house.rows(WebhookEndpoint)[0]["state"] is EndpointState.BROKEN


async def test_an_endpoint_may_ask_us_to_wait(house: House, receiver: Receiver) -> None:
    await listens(house, receiver, "message.received")
    receiver.answer = lambda heard: web.Response(status=429, headers={"Retry-After": "600"})
    await house.write("one")
    await told(house)
    assert house.rows(WebhookEndpoint)[0]["due_at"] == house.clock.now() + timedelta(seconds=600)


async def test_a_redirect_is_not_followed(house: House, receiver: Receiver) -> None:
    await listens(house, receiver, "message.received")
    receiver.answer = lambda heard: web.Response(status=307, headers={"Location": receiver.url})
    await house.write("one")
    await told(house)
    assert len(receiver.heard) == 1
    assert "redirects are not followed" in house.rows(WebhookAttempt)[0]["failure"]


async def test_what_is_paused_hears_nothing_until_it_goes_on(house: House, receiver: Receiver) -> None:
    made = await listens(house, receiver, "message.received")
    await house.do(webhooks.pause_endpoint, by=ADA, endpoint=made.endpoint)
    await house.write("one")
    await told(house)
    assert receiver.heard == []
    await house.do(webhooks.resume_endpoint, by=ADA, endpoint=made.endpoint)
    await told(house)
    assert texts(receiver) == ["one"]


async def test_an_event_that_is_never_taken_can_be_left_out(house: House, receiver: Receiver) -> None:
    made = await listens(house, receiver, "message.received")
    receiver.answer = lambda heard: web.Response(status=400 if b"poison" in heard.body else 200)
    for text in ("one", "poison", "two"):
        await house.write(text)
    await told(house)
    assert texts(receiver) == ["one", "poison"]
    await house.do(webhooks.skip_event, by=ADA, endpoint=made.endpoint)
    await told(house)
    assert texts(receiver) == ["one", "poison", "two"]


async def test_a_test_and_an_event_once_more_are_told_out_of_turn(house: House, receiver: Receiver) -> None:
    made = await listens(house, receiver, "message.received")
    await house.write("one")
    await told(house)
    event = house.rows(Event)[0]["id"]
    receiver.answer = lambda heard: web.Response(status=500)
    await house.write("two")
    await told(house)
    receiver.heard.clear()
    await house.do(webhooks.test_endpoint, by=ADA, endpoint=made.endpoint)
    await house.do(webhooks.send_again, by=ADA, endpoint=made.endpoint, event=event)
    await told(house)
    assert receiver.kinds == ["webhook.ping", "message.received"]
    assert receiver.heard[1].id == f"evt_{event}"
    assert [row["by_hand"] for row in house.rows(WebhookAttempt)] == [False, False, True, True]


async def test_an_endpoint_hears_only_what_it_may(house: House, receiver: Receiver) -> None:
    await listens(house, receiver, *MESSAGES, "conversation.opened", "contact.linked", scopes=())
    await house.write("my number is a secret", sender="13800138000")
    await house.write("hello", sender="bob")
    await house.do(people.link, contact="1", other="2", evidence="same phone +8613800138000", by="Ben")
    await told(house)
    said = b" ".join(heard.body for heard in receiver.heard)
    assert "contact.linked" in receiver.kinds
    for heard in receiver.heard:
        EVENT.validate(heard.said)
    assert b"secret" not in said
    assert b"same phone" not in said


async def test_what_happened_before_anybody_listened_is_not_told_and_not_written(
    house: House, receiver: Receiver
) -> None:
    await house.write("one")
    assert house.rows(Event) == []
    made = await listens(house, receiver, "message.received")
    await house.write("two")
    await told(house)
    assert texts(receiver) == ["two"]
    await house.do(webhooks.remove_endpoint, by=ADA, endpoint=made.endpoint)
    before = len(house.rows(Event))
    await house.write("three")
    assert len(house.rows(Event)) == before
