"""Whether a new model may take the place of the one that is served: not when it is worse by more than chance.

A share of the examples, chosen by a hash of their words, is never learnt from. It is the same share at each training,
so that the new model and the served one are asked about messages that neither has seen.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from nlu import rasa_calibration, rasa_project, training
from nlu.rasa_calibration import Ranking, error, expected_error, fitted, scaled
from nlu.rasa_client import OUT_OF_SCOPE, Rasa, RasaSettings, Unanswered, is_refusal
from nlu.rasa_models import Card, Models, Score
from nlu.rasa_project import Environment
from nlu.rasa_server import RasaServer, ServerFailed, token_of

ONE_IN = 10
"""Of so many examples one is held out."""
LEFT_TO_LEARN = 5
"""Examples that an intent keeps in any case."""
NO_CHANCE = 0.05
"""A result that an equally good model would have with less probability than this is no chance any more."""
HELD_OUT = "held out"
AT_ONCE = 8
"""Messages that a model is asked at the same time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """A new model beside the served one, on the same messages."""

    new: Score
    served: Score | None
    """None: none is served yet, or it cannot be asked any more."""
    better: int = 0
    """Messages that the new one alone understood."""
    worse: int = 0
    """Messages that the served one alone understood."""
    familiar: bool = False
    """The served model may have learnt from these messages: it looks better than it is."""
    temperature: float = 1.0
    """At which the new one's confidences are the shares of right answers."""

    @property
    def chance(self) -> float:
        """How probable as many losses are between two models that are equally good (sign test, one-sided)."""
        told = self.better + self.worse
        return sum(math.comb(told, number) for number in range(self.worse, told + 1)) / 2**told

    @property
    def promotes(self) -> bool:
        return self.served is None or self.chance >= NO_CHANCE


def split(examples: Sequence[training.Example]) -> tuple[list[training.Example], list[training.Example]]:
    """What is learnt from, and what is held out. The same words always fall on the same side, while their intent has
    examples enough."""
    left = Counter(example.intent for example in examples)
    learnt: list[training.Example] = []
    held_out: list[training.Example] = []
    for example in examples:
        if _falls_out(example.text) and left[example.intent] > LEFT_TO_LEARN:
            left[example.intent] -= 1
            held_out.append(example)
        else:
            learnt.append(example)
    return learnt, held_out


def _falls_out(text: str) -> bool:
    return int.from_bytes(hashlib.sha256(" ".join(text.lower().split()).encode()).digest()[:8]) % ONE_IN == 0


def train(
    environment: Environment,
    models: Models,
    data: Path,
    *,
    now: datetime,
    test: tuple[str, Sequence[training.Example]] | None = None,
    epochs: int | None = None,
    say: Callable[[str], None] = lambda words: None,
) -> tuple[Card, Comparison]:
    """Trains a model on the data folder, and compares it with the served one. Takes minutes; serves nothing yet.

    `test`: messages to be asked instead of the share held out, with their file's name; all other examples are learnt
    then. Raises training.TrainingDataMistakes, nlu.embedded.TrainingFailed or rasa_server.ServerFailed.
    """
    known = training.read(data)
    learnt, asked = split(known.examples) if test is None else _without(known.examples, test[1])
    epochs = epochs or rasa_project.sensible_epochs(len(learnt))
    name = models.new(now)
    say(f"training on {len(learnt)} examples of {len(known.intents)} intents, {epochs} times over")
    started = time.monotonic()
    try:
        rasa_project.train(environment, learnt, models.path(name), facts=known, epochs=epochs)
        card = Card(
            name=name,
            trained_at=now,
            seconds=round(time.monotonic() - started, 1),
            examples=len(learnt),
            epochs=epochs,
            data=training.fingerprint(data),
            tested_on=HELD_OUT if test is None else test[0],
        )
        say(f"trained in {card.seconds:.0f} s; asking it {len(asked)} messages that it has not learnt from")
        comparison = asyncio.run(_compare(environment, models, card, asked))
        rasa_calibration.write(models.path(name), comparison.temperature)
    except BaseException:
        models.drop(name)
        raise
    card = replace(card, score=comparison.new, temperature=comparison.temperature)
    models.note(card)
    return card, comparison


def _without(
    examples: Sequence[training.Example], tests: Sequence[training.Example]
) -> tuple[list[training.Example], list[training.Example]]:
    asked = {example.text.strip().lower() for example in tests}
    return [example for example in examples if example.text.strip().lower() not in asked], list(tests)


async def _compare(
    environment: Environment, models: Models, card: Card, asked: Sequence[training.Example]
) -> Comparison:
    """Both in one server, one after the other, as they will be swapped where customers write."""
    served = models.served()
    meant = [example.intent for example in asked]
    log = models.folder / f"{card.name}.log"
    async with RasaServer(environment, token=token_of(models.folder), log=log) as server:
        await server.start(models.path(card.name))
        raw = await _answers(server, models, asked)
        temperature = fitted(raw, meant)
        new = [scaled(ranking, temperature) for ranking in raw]
        alone = Comparison(new=_score(meant, new, expected_error(raw, meant)), served=None, temperature=temperature)
        if served is None:
            return alone
        try:
            await server.load(models.path(served))
        except ServerFailed:
            return alone
        old = await _answers(server, models, asked)
    pairs = list(zip(_rights(meant, new), _rights(meant, old), strict=True))
    before = models.card(served)
    return replace(
        alone,
        served=_score(meant, old, error(old, meant)),
        better=pairs.count((True, False)),
        worse=pairs.count((False, True)),
        familiar=before is None or before.tested_on != card.tested_on,
    )


async def _answers(server: RasaServer, models: Models, asked: Sequence[training.Example]) -> list[Ranking]:
    settings = RasaSettings(url=server.url, token=token_of(models.folder), timeout=30.0, connections=AT_ONCE)
    client = Rasa(settings)
    answers: list[Ranking] = []
    try:
        for start in range(0, len(asked), AT_ONCE):
            answers += await client.rankings([example.text for example in asked[start : start + AT_ONCE]])
    except Unanswered as silent:
        raise ServerFailed(f"the model does not answer every message: {silent}") from silent
    finally:
        await client.close()
    return answers


def _rights(meant: Sequence[str], answers: Sequence[Ranking]) -> list[bool]:
    return [_answer(ranking) == intent for intent, ranking in zip(meant, answers, strict=True)]


def _answer(ranking: Ranking) -> str:
    if not ranking or is_refusal(ranking):
        return OUT_OF_SCOPE
    return next((intent.name for intent in ranking if intent.name != OUT_OF_SCOPE), OUT_OF_SCOPE)


def _score(meant: Sequence[str], answers: Sequence[Ranking], off: float | None) -> Score:
    rights = _rights(meant, answers)
    strange = [right for intent, right in zip(meant, rights, strict=True) if intent == OUT_OF_SCOPE]
    return Score(
        tested=len(meant), right=sum(rights), out_of_scope=len(strange), refused=sum(strange), calibration_error=off
    )
