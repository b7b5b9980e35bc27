from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from nlu.breaker import Circuit
from nlu.fallback import Reason, WithFallback
from nlu.understanding import Intent, Understanding
from tests.clock import FrozenClock

PAUSE = 30.0


class Preferred:
    """Answers, fails, hangs or breaks, as told."""

    name = "rasa"
    batches = False

    def __init__(self) -> None:
        self.failure: str | None = None
        self.error: Exception | None = None
        self.hangs = False
        self.asked: list[str] = []
        self.reached = asyncio.Event()
        self.going_on = asyncio.Event()

    async def understand(self, texts: Sequence[str]) -> Sequence[Understanding]:
        self.asked.extend(texts)
        if self.hangs:
            self.reached.set()
            await self.going_on.wait()
        if self.error:
            raise self.error
        if self.failure:
            return [Understanding(language=None, failure=f"rasa: {self.failure}") for _ in texts]
        return [said("preferred", text) for text in texts]


class Standby:
    name = "embedded"
    batches = True

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    async def understand(self, texts: Sequence[str]) -> Sequence[Understanding]:
        self.calls.append(list(texts))
        return [
            Understanding(language=None, engine="embedded", failure="empty") if not text else said("embedded", text)
            for text in texts
        ]


def said(engine: str, text: str) -> Understanding:
    return Understanding(language=None, engine=engine, intents=(Intent(name=text, confidence=0.9),))


@pytest.fixture
def preferred() -> Preferred:
    return Preferred()


@pytest.fixture
def standby() -> Standby:
    return Standby()


@pytest.fixture
def both(preferred: Preferred, standby: Standby, clock: FrozenClock) -> WithFallback:
    return WithFallback(preferred, standby, timeout=0.05, failures_to_open=3, pause=PAUSE, clock=clock.monotonic)


async def one(engine: WithFallback, text: str = "hello") -> Understanding:
    (understanding,) = await engine.understand([text])
    return understanding


async def test_while_the_preferred_engine_answers_the_standby_is_not_asked(
    both: WithFallback, standby: Standby
) -> None:
    understanding = await one(both)
    assert (understanding.engine, understanding.failure) == ("preferred", None)
    assert standby.calls == []
    assert (both.calls, both.answered) == (1, 1)


async def test_a_hanging_engine_is_replaced_after_the_time_limit(both: WithFallback, preferred: Preferred) -> None:
    preferred.hangs = True
    understanding = await one(both)
    assert (understanding.engine, understanding.failure) == ("embedded", "rasa: timed out after 0.1 s")
    assert both.failures == {Reason.TIMEOUT: 1}


async def test_a_bug_of_the_preferred_engine_does_not_end_the_conversation(
    both: WithFallback, preferred: Preferred
) -> None:
    preferred.error = ZeroDivisionError()
    understanding = await one(both)
    assert (understanding.engine, understanding.failure) == ("embedded", "rasa: failed with ZeroDivisionError")
    assert both.failures == {Reason.ERROR: 1}


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        ("timed out after 1.0 s", Reason.TIMEOUT),
        ("cannot be reached (ClientConnectorError)", Reason.UNREACHABLE),
        ("answered 503", Reason.REFUSED),
        ("answered nonsense: no JSON", Reason.NONSENSE),
        ("has another model: mood_great is no intent of ours", Reason.WRONG_MODEL),
    ],
)
async def test_a_failure_is_told_in_words_and_counted_by_its_reason(
    both: WithFallback, preferred: Preferred, failure: str, reason: Reason
) -> None:
    preferred.failure = failure
    assert (await one(both)).failure == f"rasa: {failure}"
    assert both.failures == {reason: 1}


async def test_why_nothing_was_understood_is_told_beside_why_somebody_stood_in(
    both: WithFallback, preferred: Preferred
) -> None:
    preferred.failure = "answered 500"
    assert (await one(both, "")).failure == "rasa: answered 500; empty"


async def test_of_many_texts_only_the_unanswered_go_to_the_standby_in_one_call(
    both: WithFallback, preferred: Preferred, standby: Standby
) -> None:
    preferred.hangs = True
    slow = asyncio.create_task(both.understand(["a", "b"]))
    await preferred.reached.wait()
    preferred.hangs = False
    quick = await both.understand(["c"])
    understandings = await slow
    assert [understanding.engine for understanding in [*understandings, *quick]] == [
        "embedded",
        "embedded",
        "preferred",
    ]
    assert standby.calls == [["a", "b"]]
    assert [understanding.intents[0].name for understanding in understandings] == ["a", "b"]


async def test_after_failures_in_a_row_the_preferred_engine_is_left_in_peace(
    both: WithFallback, preferred: Preferred, clock: FrozenClock
) -> None:
    preferred.failure = "answered 500"
    for _ in range(3):
        await one(both)
    assert both.circuit is Circuit.OPEN
    clock.advance(PAUSE - 1)
    understanding = await one(both)
    assert (understanding.engine, understanding.failure) == ("embedded", "rasa: paused after failures")
    assert len(preferred.asked) == 3
    assert both.failures == {Reason.REFUSED: 3, Reason.CIRCUIT_OPEN: 1}


async def test_failures_that_are_not_in_a_row_do_not_open_the_circuit(both: WithFallback, preferred: Preferred) -> None:
    for failure in ("answered 500", "answered 500", None, "answered 500", "answered 500"):
        preferred.failure = failure
        await one(both)
    assert both.circuit is Circuit.CLOSED


async def opened(both: WithFallback, preferred: Preferred, clock: FrozenClock) -> None:
    preferred.failure = "answered 500"
    for _ in range(3):
        await one(both)
    preferred.asked.clear()
    clock.advance(PAUSE)


async def test_after_the_pause_a_single_message_tries_again_and_closes_the_circuit(
    both: WithFallback, preferred: Preferred, clock: FrozenClock
) -> None:
    await opened(both, preferred, clock)
    preferred.failure, preferred.hangs = None, True
    asking = asyncio.create_task(both.understand(["a", "b", "c"]))
    await preferred.reached.wait()
    preferred.going_on.set()
    understandings = await asking
    assert preferred.asked == ["a"]
    assert [understanding.engine for understanding in understandings] == ["preferred", "embedded", "embedded"]
    assert (await one(both)).engine == "preferred"
    assert both.circuit is Circuit.CLOSED


async def test_a_probe_that_fails_begins_another_pause(
    both: WithFallback, preferred: Preferred, clock: FrozenClock
) -> None:
    await opened(both, preferred, clock)
    await one(both)
    assert both.circuit is Circuit.OPEN
    preferred.failure = None
    clock.advance(PAUSE - 1)
    assert (await one(both)).engine == "embedded"
    clock.advance(1)
    assert (await one(both)).engine == "preferred"


async def test_a_probe_that_is_cancelled_leaves_the_door_open_for_another(
    both: WithFallback, preferred: Preferred, clock: FrozenClock
) -> None:
    await opened(both, preferred, clock)
    preferred.hangs = True
    probe = asyncio.create_task(both.understand(["a"]))
    await preferred.reached.wait()
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    preferred.hangs, preferred.failure = False, None
    clock.advance(PAUSE)
    assert (await one(both)).engine == "preferred"


async def test_who_was_asked_before_the_pause_and_is_cancelled_lets_nobody_in_beside_the_probe(
    preferred: Preferred, standby: Standby, clock: FrozenClock
) -> None:
    both = WithFallback(preferred, standby, timeout=60, failures_to_open=3, pause=PAUSE, clock=clock.monotonic)
    preferred.hangs = True
    early = asyncio.create_task(both.understand(["early"]))
    await preferred.reached.wait()
    preferred.hangs = False
    await opened(both, preferred, clock)
    preferred.failure, preferred.hangs = None, True
    preferred.reached.clear()
    probe = asyncio.create_task(both.understand(["probe"]))
    await preferred.reached.wait()
    early.cancel()
    with pytest.raises(asyncio.CancelledError):
        await early
    assert both.circuit is Circuit.PROBING
    assert (await one(both, "another")).engine == "embedded"
    preferred.going_on.set()
    (said_by_the_probe,) = await probe
    assert (said_by_the_probe.engine, preferred.asked) == ("preferred", ["probe"])


async def test_time_taken_and_fallbacks_are_told_to_the_metrics(
    preferred: Preferred, standby: Standby, clock: FrozenClock
) -> None:
    took: list[tuple[str, float]] = []
    fell_back: list[str] = []
    both = WithFallback(
        preferred,
        standby,
        clock=clock.monotonic,
        took=lambda engine, seconds: took.append((engine, seconds)),
        fell_back=fell_back.append,
    )
    await one(both)
    preferred.failure = "answered 500"
    await one(both)
    assert took == [("rasa", 0.0), ("rasa", 0.0)]
    assert fell_back == ["refused"]


async def test_every_turn_of_the_circuit_is_told(preferred: Preferred, standby: Standby, clock: FrozenClock) -> None:
    turns: list[str] = []
    both = WithFallback(preferred, standby, failures_to_open=1, pause=PAUSE, clock=clock.monotonic, turned=turns.append)
    preferred.failure = "answered 500"
    await one(both)
    clock.advance(PAUSE)
    await one(both)
    clock.advance(PAUSE)
    preferred.failure = None
    await one(both)
    await one(both)
    assert turns == ["closed", "open", "probing", "open", "probing", "closed"]
