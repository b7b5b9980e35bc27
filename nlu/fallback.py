"""A preferred engine with one that stands in for it when it is slow, down or talking nonsense."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import StrEnum

from nlu.breaker import Breaker, Circuit
from nlu.understanding import Understander, Understanding


class Reason(StrEnum):
    """Why the preferred engine did not answer, short enough for a metric's label."""

    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"  # no connection, or it broke
    REFUSED = "refused"  # an HTTP status that is no success: a wrong token, no model, an error of the server
    NONSENSE = "nonsense"  # an answer that is none
    WRONG_MODEL = "wrong_model"  # it knows other intents than we do
    CIRCUIT_OPEN = "circuit_open"  # not asked, because it failed too often
    ERROR = "error"  # a bug


_REASONS = {
    "timed out": Reason.TIMEOUT,
    "cannot be reached": Reason.UNREACHABLE,
    "answered nonsense": Reason.NONSENSE,
    "has another model": Reason.WRONG_MODEL,
    "answered": Reason.REFUSED,
    "paused": Reason.CIRCUIT_OPEN,
}
"""What an engine's words begin with; the first that fits."""


class WithFallback:
    """Asks the preferred engine within a time limit; the standby answers what it did not.

    What the standby answered says so: its own `engine`, and in `failure` why the preferred one did not answer. An
    answer with the engine `none` counts as none. `calls`, `answered` and `failures` count messages.
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
        fell_back: Callable[[str], None] | None = None,
        turned: Callable[[str], None] | None = None,
    ) -> None:
        """`timeout` and `pause` in seconds.

        `took(engine, seconds)` is told how long the preferred engine took for a message, answer or not, and
        `fell_back(reason)` of each message that the standby answered. `turned(state)` is told the circuit's state, at
        first and whenever it changes.
        """
        self.name = preferred.name
        self.batches = preferred.batches
        self.calls = 0
        """Messages in all."""
        self.answered = 0
        """Messages that the preferred engine answered."""
        self.failures: Counter[Reason] = Counter()
        """Messages that it did not answer."""
        self._breaker = Breaker(
            failures=failures_to_open, pause=pause, clock=clock, turned=turned or (lambda circuit: None)
        )
        self._preferred = preferred
        self._standby = standby
        self._timeout = timeout
        self._clock = clock
        self._took = took
        self._fell_back = fell_back

    @property
    def circuit(self) -> Circuit:
        """Whether the preferred engine is asked."""
        return self._breaker.circuit

    async def understand(self, texts: Sequence[str]) -> Sequence[Understanding]:
        """One Understanding a text, in order. Never raises."""
        answers = [await self._one(texts[0])] if len(texts) == 1 else await asyncio.gather(*map(self._one, texts))
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
        asking = self._breaker.lets_through()
        if asking is None:
            return self._counted("paused after failures")
        try:
            answer = await self._ask(text)
        except asyncio.CancelledError:
            self._breaker.unsaid(asking)
            raise
        if isinstance(answer, str):
            self._breaker.badly()
            return self._counted(answer)
        self.answered += 1
        self._breaker.well()
        return answer

    def _counted(self, words: str) -> str:
        reason = next((reason for start, reason in _REASONS.items() if words.startswith(start)), Reason.ERROR)
        self.failures[reason] += 1
        if self._fell_back is not None:
            self._fell_back(reason)
        return words

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
