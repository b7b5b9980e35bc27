"""Rasa's models in the data folder: each with a card that says what is known of it, and one that is served."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

KEPT = 3
"""Models, the served one among them; an older one can be served again."""
_NAME = re.compile(r"\d{8}-\d{6}(-\d+)?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """How a model did on messages that it had not learnt from."""

    tested: int
    right: int
    """Understood as meant; of what is out of scope, refused."""
    out_of_scope: int
    """Of the messages tested, those that had to be refused."""
    refused: int
    """Of those, how many were."""
    calibration_error: float | None = None
    """Mean distance between confidence and share of right answers; None: too few messages to say."""

    @property
    def accuracy(self) -> float:
        return self.right / self.tested if self.tested else 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """What is known of a model."""

    name: str
    """Also its file's: `20260310-143000`."""
    trained_at: datetime
    seconds: float
    """That the training took."""
    examples: int
    """Learnt from."""
    epochs: int
    data: str
    """Fingerprint of the training files."""
    tested_on: str
    """`held out`, the part of the training data that no model learns from; or the file that was given."""
    score: Score | None = None
    promoted_at: datetime | None = None
    temperature: float = 1.0
    """At which its confidences are the shares of right answers; it is written into the model."""


class Models:
    """The models below a data folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._served = folder / "served"

    def new(self, now: datetime) -> str:
        """A name that no model has yet."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        first = f"{now.astimezone(UTC):%Y%m%d-%H%M%S}"
        names = (first if number == 1 else f"{first}-{number}" for number in range(1, 1000))
        return next(name for name in names if not self.path(name).exists())

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.tar.gz"

    def served(self) -> str | None:
        """The name of the model that is to be served, where there is one and its file is there."""
        try:
            name = self._served.read_text().strip()
        except OSError:
            return None
        return name if _NAME.fullmatch(name) and self.path(name).exists() else None

    def serve(self, card: Card, now: datetime) -> Card:
        """From now on this model is to be served; whoever serves notices by itself. Older ones go."""
        promoted = replace(card, promoted_at=now)
        self.note(promoted)
        _write(self._served, card.name)
        self._forget()
        return promoted

    def note(self, card: Card) -> None:
        """Write down what is known of a model."""
        said = asdict(card) | {
            "trained_at": card.trained_at.isoformat(),
            "promoted_at": card.promoted_at.isoformat() if card.promoted_at else None,
        }
        _write(self._card(card.name), json.dumps(said, indent=2))

    def card(self, name: str) -> Card | None:
        """None: the card is lost, which says nothing against the model."""
        try:
            said = cast("dict[str, object]", json.loads(self._card(name).read_text()))
            return _read(said)
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def names(self) -> list[str]:
        """The newest first."""
        found = (path.name.removesuffix(".tar.gz") for path in self.folder.glob("*.tar.gz"))
        return sorted((name for name in found if _NAME.fullmatch(name)), reverse=True)

    def drop(self, name: str) -> None:
        """A model with all that lies beside it."""
        for path in (self.path(name), self._card(name), self.folder / f"{name}.log"):
            path.unlink(missing_ok=True)

    def _forget(self) -> None:
        served = self.served()
        for name in [name for name in self.names() if name != served][KEPT - 1 :]:
            self.drop(name)

    def _card(self, name: str) -> Path:
        return self.folder / f"{name}.json"


def _read(said: dict[str, object]) -> Card:
    score = cast("dict[str, Any] | None", said["score"])
    promoted = cast("str | None", said["promoted_at"])
    return Card(
        name=str(said["name"]),
        trained_at=datetime.fromisoformat(str(said["trained_at"])),
        seconds=float(cast("float", said["seconds"])),
        examples=int(cast("int", said["examples"])),
        epochs=int(cast("int", said["epochs"])),
        data=str(said["data"]),
        tested_on=str(said["tested_on"]),
        score=Score(**score) if score else None,
        promoted_at=datetime.fromisoformat(promoted) if promoted else None,
        temperature=float(cast("float", said.get("temperature", 1.0))),
    )


def _write(path: Path, text: str) -> None:
    """All of it or nothing: somebody may be reading."""
    halfway = path.with_name(f".{path.name}-{os.getpid()}")
    halfway.write_text(f"{text}\n")
    halfway.replace(path)
