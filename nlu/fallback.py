"""A preferred engine with one that stands in for it when it is slow, down or talking nonsense."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import StrEnum

from nlu.understanding import Understander, Understanding


class Circuit(StrEnum):
    """Whether the preferred engine is asked."""

    CLOSED = "closed"  # it is
    OPEN = "open"  # it failed too often in a row: not before the pause is over
    PROBING = "probing"  # the pause is over: one message tries, all others go to the standby


class WithFallback:
    """Asks the preferred engine within a time limit; the standby answers what it did not.

    What the standby answered says so: its own `engine`, and in `failure` why the preferred one did not answer. An
    answer with the engine `none` counts as none. `calls`, `answered` and `failures` count messages, for metrics.
    """

    def __init__(
        self,
        preferred: Understander,
        standby: Understander,
        *,
        timeout: float = 1.0,
        failures_to_open: int = 5,
        pause: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
        took: Callable[[str, float], None] | None = None,
    ) -> None:
        """`timeout` and `pause` in seconds; `took(engine, seconds)` is told how long the preferred engine took."""
        self.name = preferred.name
        self.batches = preferred.batches
        self.calls = 0
        """Messages in all."""
        self.answered = 0
        """Messages that the preferred engine answered."""
        self.failures: Counter[str] = Counter()
        """Messages that it did not answer, by reason; the reasons are few."""
        self.circuit = Circuit.CLOSED
        self._preferred = preferred
        self._standby = standby
        self._timeout = timeout
        self._failures_to_open = failures_to_open
        self._pause = pause
        self._clock = clock
        self._took = took
        self._in_a_row = 0
        self._closed_until = 0.0

    async def understand(self, texts: Sequence[str]) -> Sequence[Understanding]:
        """One Understanding a text, in order. Never raises."""
        answers = await asyncio.gather(*map(self._one, texts))
        missing = [place for place, answer in enumerate(answers) if isinstance(answer, str)]
        if not missing:
            return [answer for answer in answers if isinstance(answer, Understanding)]
        stood_in = dict(zip(missing, await self._standby.understand([texts[place] for place in missing]), strict=True))
        return [
            answer if isinstance(answer, Understanding) else self._instead(stood_in[place], answer)
            for place, answer in enumerate(answers)
        ]

    def _instead(self, understanding: Understanding, reason: str) -> Understanding:
        why = f"{self.name}: {reason}"
        return replace(understanding, failure=f"{why}; {understanding.failure}" if understanding.failure else why)

    async def _one(self, text: str) -> Understanding | str:
        """The preferred engine's answer, or why there is none."""
        self.calls += 1
        if not self._may_ask():
            self.failures["paused"] += 1
            return "paused after failures"
        probing = self.circuit is Circuit.PROBING
        try:
            answer = await self._ask(text)
        except asyncio.CancelledError:
            if probing:
                self._open()
            raise
        if isinstance(answer, str):
            self.failures[answer] += 1
            self._in_a_row += 1
            if probing or self._in_a_row >= self._failures_to_open:
                self._open()
            return answer
        self.answered += 1
        self._in_a_row = 0
        self.circuit = Circuit.CLOSED
        return answer

    def _may_ask(self) -> bool:
        match self.circuit:
            case Circuit.CLOSED:
                return True
            case Circuit.PROBING:
                return False
            case Circuit.OPEN:
                if self._clock() < self._closed_until:
                    return False
                self.circuit = Circuit.PROBING
                return True

    def _open(self) -> None:
        self.circuit = Circuit.OPEN
        self._closed_until = self._clock() + self._pause

    async def _ask(self, text: str) -> Understanding | str:
        started = self._clock()
        try:
            async with asyncio.timeout(self._timeout):
                (answer,) = await self._preferred.understand([text])
        except TimeoutError:
            return f"timed out after {self._timeout:.1f} s"
        except Exception as error:  # an engine's bug must not end the conversation; it is counted by its name
            return f"failed with {type(error).__name__}"
        finally:
            if self._took is not None:
                self._took(self.name, self._clock() - started)
        if answer.engine == "none":
            return (answer.failure or "no answer").removeprefix(f"{self.name}: ")
        return answer
