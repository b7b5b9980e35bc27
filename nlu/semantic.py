"""The semantic engine: the embedded one answers what it is sure of; what is hard is read by the sentence encoder, too.

A cascade: an easy message costs as little as ever, a hard one the 5 to 20 ms that the encoder takes, in a thread of its
own. Where more hard messages wait than can be read in time, the embedded engine's answers stand, and say so.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from nlu import embedded, learning, ngrams, semantic_model, training
from nlu.embedded import OUT_OF_SCOPE, REFUSED, Embedded, TrainingFailed
from nlu.encoder import NAME, Encoder, EncoderMissing, kept_by_default
from nlu.model import RECIPE, Floats, Model
from nlu.semantic_model import SemanticModel, directions, likeness, signals
from nlu.training import Example
from nlu.understanding import FindsEntities, Intent, Understander, Understanding

NO_ENCODER = 3
"""How the child process that learns says that there is no encoder."""
SECONDS_TO_TRAIN = 3600.0
"""Ten thousand examples take some minutes: nearly all of that is the encoder's, and is paid once an example."""
PATIENCE = 1.0
"""Seconds that a hard message may wait for the encoder, which reads one text after the other."""
PACE = 0.02
"""Seconds a text takes, before we know."""
AT_ONCE = 64
MOST_INTENTS = 3
STRANGE = 0.5
"""Where no word was known, an answer of less confidence is none."""
BUSY = "semantic: timed out, too many hard messages are waiting"
_TINY = 1e-9


def ensure_trained(data_dir: Path, model_dir: Path) -> Path:
    """The model of this training data; trained in a child process where there is none yet.

    Takes some ten seconds a thousand examples where there is none: from an event loop, call it in a thread. Encodings
    are kept in the model folder. Raises training.TrainingDataMistakes, nlu.embedded.TrainingFailed or EncoderMissing.
    """
    target = model_file(data_dir, model_dir)
    if not target.exists():
        _learn(data_dir, target, model_dir / "encodings.sqlite3")
    return target


def model_file(data_dir: Path, model_dir: Path) -> Path:
    """Where the model of this training data lies, once it was learnt."""
    recipe = f"{RECIPE} {semantic_model.RECIPE} {NAME}"
    return model_dir / f"semantic-{training.fingerprint(data_dir, recipe=recipe)}.npz"


def train(examples: Sequence[Example], folder: Path, encodings: Path | None = None) -> tuple[Path, Path]:
    """The embedded engine's model of the examples and ours, learnt in child processes; their files lie in the folder.

    Encodings are kept for the next time, in a file of the user's where none is named (nlu.encoder.kept_by_default).
    Raises nlu.embedded.TrainingFailed or EncoderMissing.
    """
    first, source = embedded.train(examples, folder), folder / "semantic.jsonl"
    with source.open("w", encoding="utf-8") as file:
        for example in examples:
            said = {"text": example.text, "intent": example.intent, "file": example.file, "line": example.line}
            file.write(json.dumps(said) + "\n")
    target = folder / f"semantic-{Model.load(first).fingerprint}.npz"
    _learn(source, target, encodings or kept_by_default())
    return first, target


def _learn(source: Path, target: Path, encodings: Path) -> None:
    house = Path(__file__).resolve().parent.parent
    arguments = [str(path.resolve()) for path in (source, target, encodings)]
    try:
        done = subprocess.run(  # noqa: S603 - our own module, paths given by the settings
            [sys.executable, "-m", "nlu.semantic_learning", *arguments],
            cwd=house,
            env={**os.environ, "PYTHONPATH": str(house), "PYTHONWARNINGS": "ignore"},
            capture_output=True,
            text=True,
            timeout=SECONDS_TO_TRAIN,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TrainingFailed(f"training took more than {SECONDS_TO_TRAIN:.0f} s") from error
    if done.returncode == NO_ENCODER:
        raise EncoderMissing(done.stdout)
    if done.returncode != 0 or not target.exists():
        raise TrainingFailed(f"training ended with {done.returncode}: {done.stderr.strip()[-2000:]}")


class Semantic:
    """Understands easy messages at once, and hard ones in a thread. Close it when done."""

    name = "semantic"
    batches = False
    """An easy message does not wait for hard ones beside it."""
    processes: Sequence[int] = ()

    def __init__(self, easy: Embedded, model: SemanticModel, encoder: Encoder, patience: float = PATIENCE) -> None:
        """`easy` finds the entities, too. `patience` in seconds."""
        self.threshold = model.threshold
        self.fingerprint = model.fingerprint
        self.read_closely = 0
        """Messages that the encoder read."""
        self.not_in_time = 0
        """Hard messages whose turn would have come too late."""
        self._easy = easy
        self._sure = max(model.sure, model.threshold)
        self._closer = _Closer(model, encoder)
        self._patience = patience
        self._pace = PACE
        self._waiting = 0
        self._counting = threading.Lock()
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="semantic")

    @staticmethod
    def load(easy: Path, hard: Path, encoder: Encoder, entities: FindsEntities | None = None) -> Semantic:
        """The engine with the models that `ensure_trained`, the embedded one's and ours, named.

        Raises nlu.arrays.ModelUnreadable.
        """
        return Semantic(Embedded.load(easy, entities), SemanticModel.load(hard), encoder)

    def close(self) -> None:
        self._reader.shutdown()

    async def understand(self, texts: Sequence[str]) -> Sequence[Understanding]:
        """One Understanding a text, in order; no text is read on the event loop by the encoder. Never raises."""
        answers = self._easy.understand_now(texts)
        hard = [place for place, answer in enumerate(answers) if self._is_hard(answer)]
        room = max(0, int(self._patience / self._pace) - self._waiting)
        for place in hard[room:]:
            answers[place] = replace(answers[place], failure=BUSY)
        self.not_in_time += len(hard[room:])
        if hard := hard[:room]:
            self._waiting += len(hard)
            try:
                read = asyncio.get_running_loop().run_in_executor(
                    self._reader, self._read, [texts[place] for place in hard], [answers[place] for place in hard]
                )
                for place, answer in zip(hard, await read, strict=True):
                    answers[place] = answer
            finally:
                self._waiting -= len(hard)
        return [self._ours(answer) for answer in answers]

    def understand_now(self, texts: Sequence[str]) -> list[Understanding]:
        """One Understanding a text, in order, on the caller's time, however long it takes. Never raises."""
        answers = self._easy.understand_now(texts)
        hard = [place for place, answer in enumerate(answers) if self._is_hard(answer)]
        for start in range(0, len(hard), AT_ONCE):
            piece = hard[start : start + AT_ONCE]
            read = self._read([texts[place] for place in piece], [answers[place] for place in piece])
            for place, answer in zip(piece, read, strict=True):
                answers[place] = answer
        return [self._ours(answer) for answer in answers]

    def _is_hard(self, answer: Understanding) -> bool:
        if answer.intent is None:
            return answer.failure != "empty"
        return answer.intent.confidence < self._sure

    def _ours(self, answer: Understanding) -> Understanding:
        """Easy messages are understood by us, too; what stood in for us says so."""
        if answer.engine == self.name or answer.failure == BUSY:
            return answer
        return replace(answer, engine=self.name)

    def _read(self, texts: Sequence[str], answers: Sequence[Understanding]) -> list[Understanding]:
        started = time.perf_counter()
        closer = [self._answer(first, *found) for first, found in zip(answers, self._closer.weigh(texts), strict=True)]
        with self._counting:
            self.read_closely += len(texts)
            self._pace += 0.1 * ((time.perf_counter() - started) / len(texts) - self._pace)
        return closer

    def _answer(self, first: Understanding, guesses: tuple[Intent, ...], refused: bool) -> Understanding:
        strange = first.intent is None and not first.out_of_scope and guesses[0].confidence < STRANGE
        failure = REFUSED if refused else first.failure if strange else None
        return replace(
            first,
            intents=() if failure else guesses,
            guesses=guesses if failure else (),
            engine=self.name,
            model=self.fingerprint,
            out_of_scope=refused,
            failure=failure,
        )


class WithoutEncoder:
    """The embedded engine where the semantic one was wanted and cannot be: every answer says why."""

    name = "embedded"
    batches = True

    def __init__(self, easy: Embedded, reason: str) -> None:
        self.reason = f"semantic: {reason}"
        self._easy = easy

    async def understand(self, texts: Sequence[str]) -> Sequence[Understanding]:
        """One Understanding a text, in order. Never raises."""
        return [replace(answer, failure=answer.failure or self.reason) for answer in self._easy.understand_now(texts)]


class Growing:
    """Answers as one engine does until another one is ready, which is made in a thread that nobody waits for."""

    name = "semantic"
    batches = False

    def __init__(self, meanwhile: Understander, grow: Callable[[], Understander]) -> None:
        """`grow` must not raise."""
        self._engine = meanwhile
        self._grow = grow
        self.grown = threading.Event()
        threading.Thread(target=self._replace, name="semantic-learning", daemon=True).start()

    async def understand(self, texts: Sequence[str]) -> Sequence[Understanding]:
        """One Understanding a text, in order. Never raises."""
        return await self._engine.understand(texts)

    def _replace(self) -> None:
        self._engine = self._grow()
        self.grown.set()


class _Closer:
    """Weighs texts by their n-grams and their meaning."""

    def __init__(self, model: SemanticModel, encoder: Encoder) -> None:
        self._model = model
        self._encoder = encoder
        self._columns = {feature: column for column, feature in enumerate(model.features)}
        self._folding = ngrams.MEANINGLESS | ngrams.folding(*model.folding)
        self._outside = model.intents.index(OUT_OF_SCOPE) if OUT_OF_SCOPE in model.intents else None

    def weigh(self, texts: Sequence[str]) -> Iterator[tuple[tuple[Intent, ...], bool]]:
        """Each text's best intents, and whether it must be refused."""
        model = self._model
        words, known = self._by_words(texts)
        meanings = likeness(directions(self._encoder.encode(texts), model.centre), model.anchors, model.nearness)
        scores: Floats = words + np.matmul(meanings, model.pulls, dtype=np.float32)
        facts = signals(scores, meanings.max(axis=1), known, self._outside)
        for of_text, confidence in zip(
            scores.tolist(), semantic_model.confidence(facts, model.calibration).tolist(), strict=True
        ):
            yield self._verdict(of_text, confidence)

    def _by_words(self, texts: Sequence[str]) -> tuple[Floats, Floats]:
        model = self._model
        scores = np.zeros((len(texts), len(model.intents)), dtype=np.float32)
        known = np.zeros(len(texts), dtype=np.float32)
        for place, text in enumerate(texts):
            features = learning.features_of(text, self._folding)
            found = [self._columns[feature] for feature in features if feature in self._columns]
            if found:
                idf = model.idf[found]
                scores[place] = (idf / np.float32(max(float(np.linalg.norm(idf)), _TINY))) @ model.weights[found]
                known[place] = len(found) / len(features)
        return scores, known

    def _verdict(self, scores: list[float], confidence: float) -> tuple[tuple[Intent, ...], bool]:
        order = sorted(range(len(scores)), key=scores.__getitem__, reverse=True)[: MOST_INTENTS + 1]
        refused = order[0] == self._outside and confidence < self._model.threshold
        order = [number for number in order if number != self._outside][:MOST_INTENTS]
        best = scores[order[0]]
        shares = [math.exp((scores[number] - best) * self._model.spread) for number in order]
        rest = (1 - confidence) / max(sum(shares[1:]), _TINY)
        return tuple(
            Intent(
                name=self._model.intents[number],
                confidence=min(share * rest, confidence) if place else confidence,
            )
            for place, (number, share) in enumerate(zip(order, shares, strict=True))
        ), refused
