"""Turns: what waits in a Lane is understood, answered by the engine, and applied.

Read `Turns.run` top to bottom. Nothing here holds a transaction: understanding and lookups may take their time, and
the Lane's fence tells at the end whether the Turn is still ours to apply.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from time import perf_counter
from typing import Any, Protocol

import structlog

from bot.assistant import Answer, AssistantFacts
from bot.effects import AskAssistant, Effect, HandOff, HandOffReason, Lookup
from bot.engine import overhear, respond
from bot.playbook import Playbook
from bot.turn import ChannelFacts, Owner, Turn
from gateway.apply import Application
from gateway.claims import Claim
from gateway.comprehension import Comprehension, Words
from gateway.envelopes import matter
from gateway.facts import turn_of
from gateway.lookups import Lookups
from gateway.outcomes import Outcome
from nlu.understanding import Understanding
from storage import lanes
from storage.commits import Commits, Unavailable
from storage.interactions import InteractionKind

log = structlog.get_logger(__name__)

AT_ONCE = 32
"""Turns that are calculated in one piece; between pieces the loop serves others."""
SLOW = 0.5
"""Seconds after which the customer is shown that an answer is being written."""

ENGINE_FAILED = HandOff(reason=HandOffReason.FAILURE, summary="The assistant failed on this message.", priority=1)
NOT_APPLIED = HandOff(reason=HandOffReason.FAILURE, summary="The assistant's answer could not be stored.", priority=1)


ASKS_FIRST = (Lookup, AskAssistant)
"""Effects that are wishes: the Turn is run again with what they bring."""
MOST_ROUNDS = 2
"""One for each of them."""


class OwnAssistant(Protocol):
    """The business's own assistant."""

    async def answer(self, asking: AskAssistant, turn: Turn, claim: Claim) -> Answer:
        """What it says. Never raises."""
        ...


class Turns:
    """Runs claimed Turns: a message waits for its commit, never for its neighbours' understanding or lookups."""

    def __init__(
        self,
        commits: Commits,
        application: Application,
        comprehension: Comprehension,
        lookups: Lookups,
        *,
        playbook: Callable[[], Playbook],
        channels: Mapping[str, ChannelFacts],
        clock: Callable[[], datetime],
        keywords: frozenset[str] = frozenset(),
        observe: Callable[[float], None] = lambda seconds: None,
        on_slow: Callable[[str, str], None] = lambda channel, uri: None,
        assistant: OwnAssistant | None = None,
    ) -> None:
        """`keywords`: channels where a single word steers (`Limits.keywords`); `on_slow` is told channel and address
        when an answer takes longer than people expect; `assistant` answers in place of our skills."""
        self._commits = commits
        self._application = application
        self._comprehension = comprehension
        self._lookups = lookups
        self._playbook = playbook
        self._channels = channels
        self._clock = clock
        self._keywords = keywords
        self._observe = observe
        self._on_slow = on_slow
        self._assistant = assistant
        self._running: set[asyncio.Task[None]] = set()

    def start(self, claims: Sequence[Claim]) -> None:
        """Run Turns in the background: side by side, or, where understanding is a calculation, a piece at a time."""
        size = AT_ONCE if self._comprehension.together else 1
        for first in range(0, len(claims), size):
            self._do(self.run(claims[first : first + size]))

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def settle(self) -> None:
        """Wait until no Turn is running, including those that follow from these."""
        while self._running:
            await asyncio.wait(set(self._running))

    async def run(self, claims: Sequence[Claim]) -> None:
        """Understand, respond, apply."""
        started = perf_counter()
        playbook = self._playbook()
        with self._patience(claims):
            understood = await self._understand(claims)
        applying: list[tuple[Outcome, asyncio.Future[bool]]] = []
        for claim, understandings in zip(claims, understood, strict=True):
            outcome = self._answer(claim, understandings, playbook)
            if _wishes(outcome):
                self._do(self._ask_first(outcome, playbook))
            else:
                applying.append((outcome, self._submit(outcome)))
        for outcome, applied in applying:
            if not applied.done():
                await asyncio.wait([applied])
            if applied.exception() is None:
                await self._applied(outcome, applied)
            else:
                self._do(self._applied(outcome, applied))  # what has to be tried again keeps no neighbour waiting
            self._observe(perf_counter() - started)

    async def _understand(self, claims: Sequence[Claim]) -> list[Sequence[Understanding]]:
        words = [
            Words(
                text="" if message.kind is InteractionKind.CALLBACK else matter(message.text, message.content),
                whole_message=claim.talk.channel in self._keywords,
            )
            for claim in claims
            for message in claim.messages
        ]
        understandings = iter(await self._comprehension.understand(words))
        return [[next(understandings) for _ in claim.messages] for claim in claims]

    def _answer(self, claim: Claim, understandings: Sequence[Understanding], playbook: Playbook) -> Outcome:
        try:
            turn = self._turn(claim, understandings)
        except Exception as error:
            # What is stored cannot be read as facts (by another version, or by hand): a person must look, once.
            log.exception("facts_not_readable", contact=claim.contact)
            bare = replace(claim, cases=(), due=None, talk=claim.talk._replace(memory={}))
            return Outcome(
                claim=claim,
                turn=self._turn(bare, understandings),
                effects=(ENGINE_FAILED,),
                playbook=playbook.fingerprint,
                failure=f"its facts cannot be read: {type(error).__name__}",
            )
        return self._respond(claim, turn, playbook)

    def _respond(self, claim: Claim, turn: Turn, playbook: Playbook) -> Outcome:
        """The engine's effects; where it fails, a person is called and the failure kept: our bug, not theirs."""
        effects: Sequence[Effect] = ()
        failure = None
        try:
            effects = respondent(turn)(turn, playbook)
        except Exception as error:
            log.exception("engine_failed", conversation=turn.conversation.id)
            effects, failure = (ENGINE_FAILED,), f"the engine failed: {type(error).__name__}"
        return Outcome(claim=claim, turn=turn, effects=effects, playbook=playbook.fingerprint, failure=failure)

    async def _ask_first(self, outcome: Outcome, playbook: Playbook) -> None:
        """Fetch what the engine asked for, and run the Turn again with it; no wish is granted twice."""
        for _ in range(MOST_ROUNDS):
            if not _wishes(outcome):
                break
            with self._patience([outcome.claim]):
                turn = await self._fetch(outcome)
            outcome = self._respond(outcome.claim, turn, playbook)
        answered = [effect for effect in outcome.effects if not isinstance(effect, ASKS_FIRST)]
        outcome = replace(outcome, effects=answered)
        await self._applied(outcome, self._submit(outcome))

    async def _fetch(self, outcome: Outcome) -> Turn:
        turn, claim = outcome.turn, outcome.claim
        wanted = [effect for effect in outcome.effects if isinstance(effect, Lookup)]
        if wanted:
            turn = replace(turn, lookups=await self._lookups.answer(wanted, claim.contact))
        asking = next((effect for effect in outcome.effects if isinstance(effect, AskAssistant)), None)
        if asking is not None and self._assistant is not None:
            turn = replace(turn, assistant=AssistantFacts(answer=await self._assistant.answer(asking, turn, claim)))
        return turn

    def _submit(self, outcome: Outcome) -> asyncio.Future[bool]:
        applied = self._commits.submit(self._application.store, outcome)
        applied.add_done_callback(_look_at)
        return applied

    async def _applied(self, outcome: Outcome, applied: asyncio.Future[bool]) -> None:
        """See an Outcome into the database, however often that has to be tried."""
        pause, waited = 0.2, 0.0
        while True:
            try:
                if not await applied:
                    log.info("lane_passed_on", contact=outcome.claim.contact)
                return
            except Unavailable:
                if waited > lanes.LEASE.total_seconds():
                    return  # the lease is over: whoever finds the database first takes the Turn up again
                await asyncio.sleep(pause)
                waited, pause = waited + pause, min(pause * 2, 5.0)
            except Exception as error:
                log.exception("effects_not_applied", contact=outcome.claim.contact)
                if outcome.failure is not None and not outcome.effects:
                    return
                outcome = _without_the_culprit(outcome, error)
            applied = self._submit(outcome)

    @contextmanager
    def _patience(self, claims: Sequence[Claim]) -> Generator[None]:
        """Show the customers that an answer is being written, when it takes longer than people expect."""
        if self._comprehension.together and len(claims) > 1:
            yield  # a calculation: nobody waits for long
            return
        loop = asyncio.get_running_loop()
        timers = [loop.call_later(SLOW, self._on_slow, claim.talk.channel, claim.person.uri) for claim in claims]
        try:
            yield
        finally:
            for timer in timers:
                timer.cancel()

    def _turn(self, claim: Claim, understandings: Sequence[Understanding]) -> Turn:
        name = claim.talk.channel
        # A channel that was switched off may still have messages waiting: they are answered all the same.
        channel = self._channels.get(name) or ChannelFacts(name=name, scheme=name)
        turn = turn_of(claim, understandings, channel=channel, now=self._clock())
        return turn if self._assistant is None else replace(turn, assistant=AssistantFacts())


def _wishes(outcome: Outcome) -> bool:
    return any(isinstance(effect, ASKS_FIRST) for effect in outcome.effects)


def _look_at(applied: asyncio.Future[bool]) -> None:
    """A failure is dealt with where it is awaited; in a process that dies before, nobody has to be told."""
    if not applied.cancelled():
        applied.exception()


def respondent(turn: Turn) -> Callable[[Turn, Playbook], Sequence[Effect]]:
    """Who answers a Turn: the engine, or, where people own the conversation or nobody answers any more, only its ear
    for consent."""
    if turn.contact.blocked or (turn.due is None and turn.conversation.owner is not Owner.BOT):
        return overhear
    return respond


def _without_the_culprit(outcome: Outcome, error: Exception) -> Outcome:
    """First call a person; if even that cannot be written, mark the messages handled and keep why."""
    effects = (NOT_APPLIED,) if outcome.failure is None else ()
    return replace(outcome, effects=effects, failure=f"not applied: {type(error).__name__}")
