"""How good an engine is: trained on one set of examples, asked about another."""

from __future__ import annotations

import gc
import math
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from nlu.datasets import OUT_OF_SCOPE
from nlu.engines import Engine, Train
from nlu.training import Example
from nlu.understanding import Intent, Understanding

BATCH = 64
MOST_ONE_BY_ONE = 2000
"""Messages asked one by one, spread evenly over the test set; in batches all are."""
_PAGE_MB = resource.getpagesize() / 2**20
LEAST_TIMED = 1000
"""Small sets are asked again and again until so many messages were timed."""
WARMING = 20
"""Messages before the clock runs."""
BINS = 10
"""Of confidence, equally wide."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bin:
    """The answers given at about the same confidence."""

    answers: int
    confidence: float
    """Their mean."""
    right: float
    """The share of them that is right."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Quality:
    """How right the answers are. Shares are between 0 and 1; None: the test set holds nothing to measure it on."""

    tested: int
    accuracy: float | None
    """Share of the in-scope messages that were answered rightly: at the operating threshold where the test set holds
    messages to be refused, else by the best guess."""
    accuracy_answering_all: float | None
    """Nothing refused: the best guess counts."""
    accuracy_at_threshold: float | None
    """A refusal is wrong."""
    macro_f1: float
    """Mean over the intents of test set and answers, of the same answers as `accuracy`."""
    out_of_scope_recall: float | None
    """Of what must be refused, the share that was."""
    out_of_scope_precision: float | None
    """Of what was refused, the share that had to be."""
    expected_calibration_error: float
    """Mean distance between confidence and share of right answers, over ten bins of confidence."""
    calibration: tuple[Bin, ...]
    confusions: tuple[tuple[str, str, int], ...]
    """Expected, answered and how often; the most frequent first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Speed:
    """What the answers cost, entities included."""

    latency_ms_p50: float
    latency_ms_p99: float
    """One by one, as an interactive channel asks."""
    batch_us_per_message: float
    """In the median batch of 64."""
    messages_per_second_in_batches: float
    training_seconds: float
    memory_mb: float
    """What this process grew by with the engine loaded and all messages answered, and its child processes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """A test message with what an engine made of it."""

    example: Example
    understanding: Understanding
    refused: bool
    guess: Intent | None
    """The best guess, refused or not."""

    @property
    def best(self) -> str:
        """The intent answered where nothing is refused."""
        return self.guess.name if self.guess else OUT_OF_SCOPE

    @property
    def answer(self) -> str:
        """The intent answered at the operating threshold."""
        return OUT_OF_SCOPE if self.refused else self.best


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """The figures, and the answers that they were made from."""

    engine: str
    examples: int
    """Trained on."""
    threshold: float
    quality: Quality
    speed: Speed
    answers: tuple[Answered, ...]

    def wrong(self) -> list[tuple[Answered, str]]:
        """What counts as wrong in `accuracy`, or should have been refused, with the answer that was given."""
        refusing = self.quality.out_of_scope_recall is not None
        given = ((one, one.answer if refusing else one.best) for one in self.answers)
        return [(one, answer) for one, answer in given if answer != one.example.intent]

    def figures(self) -> dict[str, object]:
        """All in one, for JSON."""
        said = {"engine": self.engine, "examples": self.examples, "threshold": self.threshold}
        return {**said, **asdict(self.quality), **asdict(self.speed)}


def evaluate(
    name: str, train: Train, examples: Sequence[Example], tests: Sequence[Example], folder: Path
) -> Evaluation:
    """Trains the engine `name` in the folder and asks it about every test message. Raises what `train` raises."""
    gc.collect()
    before = _resident_mb()
    started = time.perf_counter()
    engine = train(examples, folder)
    training_seconds = time.perf_counter() - started
    try:
        texts = [example.text for example in tests]
        one_by_one = sorted(_one_by_one(engine, texts))
        in_batches, understandings = _in_batches(engine, texts)
        memory = _resident_mb() - before + sum(map(_resident_mb, engine.processes))
    finally:
        engine.close()
    answers = [judge(example, said, engine.threshold) for example, said in zip(tests, understandings, strict=True)]
    speed = Speed(
        latency_ms_p50=_quantile(one_by_one, 0.5) * 1e3,
        latency_ms_p99=_quantile(one_by_one, 0.99) * 1e3,
        batch_us_per_message=in_batches * 1e6,
        messages_per_second_in_batches=1 / in_batches,
        training_seconds=training_seconds,
        memory_mb=max(memory, 0.0),
    )
    return Evaluation(
        engine=name,
        examples=len(examples),
        threshold=engine.threshold,
        quality=quality(answers),
        speed=speed,
        answers=tuple(answers),
    )


def examine(engine: Engine, tests: Sequence[Example]) -> list[Answered]:
    """What an engine that stands already makes of test messages; `quality` makes figures of it."""
    said = engine.understand_now([example.text for example in tests])
    return [judge(example, each, engine.threshold) for example, each in zip(tests, said, strict=True)]


def judge(example: Example, said: Understanding, threshold: float) -> Answered:
    """Refused is what has no intents, or whose best one is not sure enough."""
    guess = next(iter(said.intents or said.guesses), None)
    refused = said.intent is None or said.intent.confidence < threshold
    return Answered(example=example, understanding=said, refused=refused, guess=guess)


def quality(answers: Sequence[Answered]) -> Quality:
    """The figures of some answers, at least one."""
    in_scope = [one for one in answers if one.example.intent != OUT_OF_SCOPE]
    outside = [one for one in answers if one.example.intent == OUT_OF_SCOPE]
    refused = [one for one in answers if one.refused]
    given = answers if not outside else [one for one in answers if not one.refused]
    calibration = tuple(_bins(given))
    pairs = [(one.example.intent, one.answer if outside else one.best) for one in answers]
    wrong = Counter(pair for pair in pairs if pair[0] != pair[1])
    answering_all = _share(in_scope, lambda one: one.best == one.example.intent)
    at_threshold = _share(in_scope, lambda one: one.answer == one.example.intent)
    return Quality(
        tested=len(answers),
        accuracy=at_threshold if outside else answering_all,
        accuracy_answering_all=answering_all,
        accuracy_at_threshold=at_threshold,
        macro_f1=macro_f1(pairs),
        out_of_scope_recall=_share(outside, lambda one: one.refused),
        out_of_scope_precision=_share(refused, lambda one: one.example.intent == OUT_OF_SCOPE) if outside else None,
        expected_calibration_error=_calibration_error(calibration),
        calibration=calibration,
        confusions=tuple((expected, answer, count) for (expected, answer), count in wrong.most_common()),
    )


def macro_f1(pairs: Sequence[tuple[str, str]]) -> float:
    """Mean F1 over all intents that were expected or answered."""
    expected, answered = Counter(said for said, _ in pairs), Counter(answer for _, answer in pairs)
    right = Counter(said for said, answer in pairs if said == answer)
    intents = expected.keys() | answered.keys()
    return sum(2 * right[intent] / (expected[intent] + answered[intent]) for intent in intents) / len(intents)


def _one_by_one(engine: Engine, texts: Sequence[str]) -> Iterator[float]:
    """Seconds for each of some messages."""
    asked = texts[:: math.ceil(len(texts) / MOST_ONE_BY_ONE)]
    for text in asked[:WARMING]:
        engine.understand_now([text])
    for text in _repeated(asked):
        started = time.perf_counter()
        engine.understand_now([text])
        yield time.perf_counter() - started


def _in_batches(engine: Engine, texts: Sequence[str]) -> tuple[float, list[Understanding]]:
    """Seconds a message in the median batch, and what was understood."""
    answers: list[Understanding] = []
    took: list[float] = []
    timed = _repeated(texts)
    for start in range(0, len(timed), BATCH):
        batch = timed[start : start + BATCH]
        started = time.perf_counter()
        answers += engine.understand_now(batch)
        took.append((time.perf_counter() - started) / len(batch))
    return _quantile(sorted(took), 0.5), answers[: len(texts)]


def _repeated(texts: Sequence[str]) -> list[str]:
    return [*texts] * math.ceil(LEAST_TIMED / len(texts))


def _bins(answers: Sequence[Answered]) -> Iterator[Bin]:
    given: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for one in answers:
        if one.guess is not None:
            place = min(int(one.guess.confidence * BINS), BINS - 1)
            given[place].append((one.guess.confidence, one.guess.name == one.example.intent))
    for each in given:
        if each:
            confidence = sum(confidence for confidence, _ in each) / len(each)
            yield Bin(answers=len(each), confidence=confidence, right=sum(right for _, right in each) / len(each))


def _calibration_error(bins: Sequence[Bin]) -> float:
    answers = sum(each.answers for each in bins)
    return sum(each.answers * abs(each.confidence - each.right) for each in bins) / answers if answers else 0.0


def _share(answers: Sequence[Answered], holds: Callable[[Answered], bool]) -> float | None:
    return sum(map(holds, answers)) / len(answers) if answers else None


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def _resident_mb(process: int | str = "self") -> float:
    """Resident memory of a process; 0 where the system does not tell."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * _PAGE_MB
    except (OSError, IndexError, ValueError):
        return 0.0
