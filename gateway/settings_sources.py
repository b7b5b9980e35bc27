"""Where settings come from: the file, the environment, files of secrets, the command line; and what is wrong there."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Final, cast

PREFIX = "RAPPORT_"
NESTED = "__"
_NUMBERED: Final = re.compile(r"\b(?P<table>[a-z_]+)\.(?P<number>\d+)(?:\.(?P<rest>[\w.]*\w))?\b")
_ORDINALS: Final = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
NOT_SETTINGS: Final = frozenset({f"{PREFIX}SETTINGS", f"{PREFIX}DATA", f"{PREFIX}REQUIRE_ALL"})
"""Variables of ours that are no keys: where the file is, and two that the tests read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mistake:
    """One thing that is wrong with the settings."""

    key: str
    """`telegram.token`"""
    what: str
    """What is wrong, going on after the key: "is 12 characters long and no bot token"."""
    right: str
    """What would be right."""
    where: str = ""
    """Where the value came from: the file, the environment variable, the command line."""

    def __str__(self) -> str:
        origin = f" ({self.where})" if self.where else ""
        end = "" if self.right.endswith("?") else "."
        return f"{self.key}{origin} {self.what}; {self.right}{end}"


class SettingsMistakes(Exception):
    """The settings cannot be used; `mistakes` names every reason."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("\n".join(str(each) for each in mistakes))
        self.mistakes = tuple(mistakes)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """What the file, the environment and the command line say, and what could not even be read."""

    file: Mapping[str, object]
    file_name: str
    environment: Mapping[str, object]
    variables: Mapping[str, str]
    """Key to the environment variable that set it."""
    overrides: Mapping[str, object]
    mistakes: tuple[Mistake, ...]

    @classmethod
    def read(cls, path: Path, overrides: Mapping[str, object], known: Mapping[str, bool], *, required: bool) -> Sources:
        """`known`: every key there is, and whether it is a secret; `required`: the file must exist."""
        mistakes: list[Mistake] = []
        file: Mapping[str, object] = _read_file(path, mistakes) if required or path.exists() else {}
        variables = _read_variables(known, mistakes)
        return cls(
            file=file,
            file_name=path.name,
            environment=_nested({key: value for key, (_, value) in variables.items()}),
            variables={key: name for key, (name, _) in variables.items()},
            overrides=_nested({key: value for key, value in overrides.items() if value is not None}),
            mistakes=tuple(mistakes),
        )

    def named(self, mistake: Mistake) -> Mistake:
        """With tables of which there are several called as people call them: `mail.1.name` is the "name of mail
        support", or, where that tells nothing apart, the "name of mail, second entry"."""
        return replace(
            mistake,
            key=_NUMBERED.sub(self._called, mistake.key),
            what=_NUMBERED.sub(self._called, mistake.what),
            right=_NUMBERED.sub(self._called, mistake.right),
        )

    def _called(self, key: re.Match[str]) -> str:
        table, number, rest = key["table"], int(key["number"]), key["rest"] or ""
        entries = self.file.get(table)
        names = (
            [_table(each).get("name") for each in cast("list[object]", entries)] if isinstance(entries, list) else []
        )
        if not 0 <= number < len(names):
            return key[0]
        if len(names) == 1 or key.string[: key.start()].endswith("["):  # as it stands in the file
            return f"{table}.{rest}" if rest else table
        name = names[number]
        told_apart = isinstance(name, str) and name and names.count(name) == 1
        ordinal = f"{_ORDINALS[number]} entry" if number < len(_ORDINALS) else f"entry {number + 1}"
        entry = f"{table} {name}" if told_apart else f"{table}, {ordinal}"
        return f"{rest} of {entry}" if rest else entry

    def origin(self, key: str) -> str:
        """Where a key's value came from; empty where nobody set it."""
        if _has(self.overrides, key):
            return "command line"
        for known, name in self.variables.items():
            if key == known or key.startswith(f"{known}."):
                return name
        return self.file_name if _has(self.file, key) else ""


def _read_file(path: Path, mistakes: list[Mistake]) -> Mapping[str, object]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        mistakes.append(
            Mistake(key=path.name, what=f"cannot be read ({exc})", right="see https://toml.io for the form")
        )
    except OSError as exc:
        mistakes.append(
            Mistake(key=str(path), what=f"cannot be opened ({exc.strerror})", right="name a file that Rapport may read")
        )
    return {}


def _read_variables(keys: Mapping[str, bool], mistakes: list[Mistake]) -> dict[str, tuple[str, str]]:
    """Key to variable and value. A variable that means nothing is a mistake: it was meant to mean something."""
    known = {f"{PREFIX}{key.replace('.', NESTED).upper()}": key for key in keys}
    found: dict[str, tuple[str, str]] = {}
    for name, value in sorted(os.environ.items()):
        if not name.startswith(PREFIX) or name in NOT_SETTINGS or not value:
            continue
        if (key := known.get(name)) is not None:
            found[key] = (name, value)
        elif (key := known.get(name.removesuffix("_FILE"))) is not None and keys[key]:
            if name.removesuffix("_FILE") in os.environ:
                mistakes.append(
                    Mistake(key=name, what="says again what another variable says", right="keep one of them")
                )
            elif (content := _secret_file(name, Path(value), mistakes)) is not None:
                found[key] = (name, content)
        else:
            mistakes.append(Mistake(key=name, what="is not a setting", right=nearest(name, known)))
    return found


def _secret_file(name: str, path: Path, mistakes: list[Mistake]) -> str | None:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        mistakes.append(
            Mistake(key=name, what=f"names {path}, which cannot be read", right="name a readable text file")
        )
        return None


def nearest(name: str, known: Iterable[str]) -> str:
    """What was probably meant."""
    close = get_close_matches(name, list(known), n=1, cutoff=0.7)
    return f"did you mean {close[0]}?" if close else "see rapport.example.toml for all there are"


def _nested(dotted: Mapping[str, object]) -> dict[str, object]:
    """`{"server.port": 1}` as `{"server": {"port": 1}}`."""
    tree: dict[str, object] = {}
    for key, value in dotted.items():
        *sections, name = key.split(".")
        table = tree
        for section in sections:
            table = cast("dict[str, object]", table.setdefault(section, {}))
        table[name] = value
    return tree


def _table(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else {}


def _has(tree: Mapping[str, object], key: str) -> bool:
    *sections, name = key.split(".")
    for section in sections:
        tree = _table(tree.get(section))
    return name in tree
