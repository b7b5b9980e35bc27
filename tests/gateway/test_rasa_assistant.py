"""A business's Rasa assistant is asked over its REST channel; what it does not answer has a name, and nobody waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp.test_utils import unused_port

from bot.assistant import Answer, Ask, Trouble
from bot.effects import AskAssistant
from bot.turn import ContactFacts, Turn
from channels.envelope import Attachment, AttachmentKind, Event
from gateway.claims import Claim
from gateway.rasa_answers import Bounds
from gateway.rasa_assistant import MOST_ASKED, RasaAssistant, RasaAssistantSettings, gathered
from nlu.understanding import Language
from tests.bot.people import message, turn
from tests.gateway import rasa_channel
from tests.gateway.rasa_channel import RasaChannel
from tests.waiting import until

BOUNDS = Bounds(messages=10, characters=4000, buttons=12, custom_bytes=16_384)


class Seconds:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def rasa() -> AsyncGenerator[RasaChannel]:
    async with rasa_channel.running() as rasa:
        yield rasa


def assistant(
    url: str, *, clock: Seconds | None = None, failed: list[str] | None = None, **changes: Any
) -> RasaAssistant:
    fields: dict[str, Any] = {"url": url, "timeout": 0.5, "bounds": BOUNDS} | changes
    settings = RasaAssistantSettings(**fields)
    told = failed.append if failed is not None else lambda trouble: None
    return RasaAssistant(settings, key=b"k" * 32, clock=clock or Seconds(), failed=told)


def claim(address: int = 5, thread: str = "") -> Claim:
    return cast(
        "Claim", SimpleNamespace(person=SimpleNamespace(address_id=address), talk=SimpleNamespace(thread=thread))
    )


def asks(*texts: str, event: Event = Event.MESSAGE) -> AskAssistant:
    made = tuple(Ask(interaction=number, event=event, text=text) for number, text in enumerate(texts, start=1))
    return AskAssistant(asks=made, language=Language.ZH_HANT)


async def answer(asked: RasaAssistant, *texts: str, step: Turn | None = None) -> Answer:
    """What it answers; it is closed then."""
    try:
        return await asked.answer(asks(*texts), step or turn(message("x")), claim())
    finally:
        await asked.close()


async def test_it_is_told_who_writes_and_where_in_which_language_and_which_message_it_is(rasa: RasaChannel) -> None:
    photo = Attachment(kind=AttachmentKind.IMAGE, id="secret-handle", name="cup.jpg", content_type="image/jpeg")
    step = turn(message("hi", attachments=(photo,)), contact=ContactFacts(id=7, name="王小姐"))
    said = await answer(assistant(rasa.url, webhook_token="t0ken"), "hi", step=step)
    assert [reply.text for reply in said.replies] == ["re hi"]
    (question,) = rasa.asked
    assert question == {
        "sender": assistant(rasa.url).sender(claim()),
        "message": "hi",
        "metadata": {
            "channel": "webchat",
            "language": "zh-Hant",
            "conversation": "3",
            "message_id": "1",
            "event": "message",
            "name": "王小姐",
            "attachments": [{"kind": "image", "name": "cup.jpg", "content_type": "image/jpeg"}],
        },
    }
    assert rasa.headers[0]["Authorization"] == "Bearer t0ken"


async def test_the_name_by_which_it_knows_somebody_is_the_same_for_good_and_tells_nothing() -> None:
    asked = assistant("http://127.0.0.1:1")
    names = [asked.sender(claim(*who)) for who in ((5, ""), (6, ""), (5, "a thread"), (5, ""))]
    assert names[0] == names[3]
    assert len(set(names)) == 3
    other_house = RasaAssistant(RasaAssistantSettings(url="http://x", bounds=BOUNDS), key=b"o" * 32)
    assert other_house.sender(claim()) != names[0], "nobody can guess it"


async def test_messages_are_asked_one_after_the_other(rasa: RasaChannel) -> None:
    said = await answer(assistant(rasa.url), "one", "two", "three")
    assert rasa.heard == ["one", "two", "three"]
    assert [reply.text for reply in said.replies] == ["re one", "re two", "re three"]
    assert rasa.most_at_once == 1


def test_what_has_piled_up_is_asked_together_and_nothing_is_left_out() -> None:
    texts = [str(number) for number in range(25)]
    asked = gathered(asks(*texts).asks)
    assert len(asked) == MOST_ASKED
    assert "\n".join(ask.text for ask in asked).split("\n") == texts


@pytest.mark.parametrize(
    ("misbehaviour", "trouble", "words"),
    [
        ({"silent": True}, Trouble.TIMEOUT, "rasa: timed out after 0.1 s"),
        ({"status": 500}, Trouble.REFUSED, "rasa: answered 500"),
        ({"status": 302}, Trouble.REFUSED, "rasa: answered 302"),
        ({"body": b"<html>nginx</html>"}, Trouble.NONSENSE, "rasa: answered nonsense: no JSON"),
        ({"body": b'{"reason": "NotAuthenticated"}'}, Trouble.NONSENSE, "rasa: answered nonsense: no list of messages"),
        ({"body": b" " * 2000}, Trouble.TOO_LARGE, "rasa: answered more than 1000 bytes"),
        ({"body": b"[]"}, Trouble.EMPTY, "rasa: answered nothing"),
    ],
    ids=["slow", "failing", "sent away", "a page", "an object", "huge", "empty"],
)
async def test_each_way_of_not_answering_has_a_name(
    rasa: RasaChannel, misbehaviour: dict[str, Any], trouble: Trouble, words: str
) -> None:
    for name, value in misbehaviour.items():
        setattr(rasa, name, value)
    failed: list[str] = []
    said = await answer(assistant(rasa.url, timeout=0.1, answer_bytes=1000, failed=failed), "hi")
    assert said == Answer(trouble=trouble, reason=words)
    assert failed == [trouble]
    assert rasa.heard == ["hi"], "what it may have heard is not said again"


async def test_nobody_there_is_unreachable() -> None:
    said = await answer(assistant(f"http://127.0.0.1:{unused_port()}"), "hi")
    assert said.trouble is Trouble.UNREACHABLE
    assert said.reason == "rasa: cannot be reached (ClientConnectorError)"


async def test_what_it_said_before_it_fell_silent_is_kept_and_no_more_is_asked(rasa: RasaChannel) -> None:
    rasa.answers["two"] = [{"text": 7}]
    said = await answer(assistant(rasa.url), "one", "two", "three")
    assert [reply.text for reply in said.replies] == ["re one"]
    assert said.trouble is Trouble.NONSENSE
    assert rasa.heard == ["one", "two"]


async def test_after_failures_in_a_row_it_gets_a_rest_and_then_one_message_tries(rasa: RasaChannel) -> None:
    clock = Seconds()
    asked = assistant(rasa.url, clock=clock, breaker_failures=2, breaker_pause=10)
    rasa.status = 503

    async def ask(text: str) -> Trouble | None:
        return (await asked.answer(asks(text), turn(message("x")), claim())).trouble

    assert [await ask("a"), await ask("b"), await ask("c")] == [Trouble.REFUSED, Trouble.REFUSED, Trouble.PAUSED]
    clock.now = 10
    assert [await ask("d"), await ask("e")] == [Trouble.REFUSED, Trouble.PAUSED]
    clock.now, rasa.status, rasa.silent = 20, 200, True
    probe = asyncio.create_task(ask("f"))
    await until(lambda: "f" in rasa.heard)
    assert await ask("g") is Trouble.PAUSED, "one is enough to try"
    rasa.silent = False
    rasa.released.set()
    assert [await probe, await ask("h")] == [None, None]
    assert rasa.heard == ["a", "b", "d", "f", "h"]
    await asked.close()


async def test_an_empty_answer_is_not_a_reason_for_a_rest(rasa: RasaChannel) -> None:
    asked = assistant(rasa.url, breaker_failures=1)
    rasa.answers["silence"] = []
    assert (await asked.answer(asks("silence"), turn(message("x")), claim())).trouble is Trouble.EMPTY
    assert (await answer(asked, "hi")).trouble is None


async def test_many_customers_share_the_connections_and_waiting_for_one_is_no_failure(rasa: RasaChannel) -> None:
    rasa.silent = True
    asked = assistant(rasa.url, connections=3, timeout=5)

    async def ask(number: int) -> Answer:
        return await asked.answer(asks(str(number)), turn(message("x")), claim(number))

    asking = asyncio.gather(*(ask(number) for number in range(20)))
    await until(lambda: rasa.at_once == 3)
    rasa.silent = False
    rasa.released.set()
    answers: Sequence[Answer] = await asking
    assert [said.replies[0].text for said in answers] == [f"re {number}" for number in range(20)]
    assert rasa.most_at_once == 3
    await asked.close()


async def test_a_turn_has_so_much_patience_and_no_more(rasa: RasaChannel) -> None:
    rasa.silent = True
    asked = assistant(rasa.url, connections=1, timeout=5, patience=0.2)
    both = await asyncio.gather(
        asked.answer(asks("a"), turn(message("x")), claim(1)), asked.answer(asks("b"), turn(message("x")), claim(2))
    )
    await asked.close()
    assert [said.trouble for said in both] == [Trouble.TIMEOUT, Trouble.TIMEOUT]
    # The connection is free again at the moment at which the other's patience ends, too.
    assert rasa.heard[0] == "a"


async def test_a_long_message_and_broken_characters_reach_it_as_far_as_settings_say(rasa: RasaChannel) -> None:
    said = await answer(assistant(rasa.url, question_characters=100), "x" * 99 + "\ud83dtail")
    assert rasa.heard == ["x" * 99 + "?"]
    assert said.notes == ("the question was longer than most_question_characters",)


@pytest.mark.parametrize(
    ("text", "event", "asked"),
    [
        ("/refund@0.9", Event.MESSAGE, "／refund@0.9"),
        (' /pay{"amount": 0}', Event.MESSAGE, ' ／pay{"amount": 0}'),
        ("/start", Event.MESSAGE, "/start"),
        ("/mood_great", Event.CALLBACK, "/mood_great"),
    ],
)
async def test_nobody_types_what_was_understood_and_commands_and_payloads_arrive_as_they_are(
    rasa: RasaChannel, text: str, event: Event, asked: str
) -> None:
    asking = assistant(rasa.url)
    await asking.answer(asks(text, event=event), turn(message("x")), claim())
    await asking.close()
    assert [question["message"] for question in rasa.asked] == [asked]


def test_no_token_is_shown() -> None:
    settings = RasaAssistantSettings(url="http://x", webhook_token="geheim", bounds=BOUNDS)
    assert "geheim" not in repr(replace(settings, timeout=1.0))
