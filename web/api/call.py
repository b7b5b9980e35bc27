"""A call: one thing that a program can ask for, and the right that it takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from pydantic import BaseModel

from desk import calls
from desk.rights import Right

ROOT: Final = "/api/v1"
CONVERSATION: Final = "/conversations/{conversation:[0-9]+}"
CONTACT: Final = "/contacts/{contact}"
CASE: Final = "/cases/{case}"
_PLACE = re.compile(r"\{(\w+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One thing that can be asked for."""

    method: str
    path: str
    """Below ROOT, as aiohttp writes it."""
    right: Right
    verb: Callable[..., Any]
    name: str
    """Of the operation; unlike all others."""
    group: str
    needs: Mapping[str, Right] = field(default_factory=lambda: MappingProxyType({}))
    """Arguments that take one right more, where they are given and not false."""
    private: bool = False
    """Who may see private data is noted in the audit log when this is answered."""
    table: Callable[[Any], Sequence[Any]] | None = None
    """Makes lines of what the verb gives: the answer is a table (text/csv)."""
    about: str | None = None
    """The argument that names what it is about: what an ETag and an audit line speak of."""

    @property
    def reads(self) -> bool:
        return self.method == "GET"

    @property
    def media(self) -> str:
        """Of the answer."""
        return "application/json" if self.table is None else "text/csv"

    @property
    def summary(self) -> str:
        return calls.sentence(self.table or self.verb)

    @property
    def shape(self) -> str:
        """The operation's name, as a type's."""
        return self.name[0].upper() + self.name[1:]

    @property
    def in_path(self) -> tuple[str, ...]:
        return tuple(_PLACE.findall(self.path))

    @property
    def elsewhere(self) -> tuple[str, ...]:
        """Arguments in the query of a GET, and in the body of everything else."""
        return tuple(name for name in calls.wanted(self.verb) if name not in self.in_path)

    @property
    def place_model(self) -> type[BaseModel]:
        return calls.arguments(self.verb, self.in_path, title=f"{self.shape}Path", strict=False)

    @property
    def given_model(self) -> type[BaseModel]:
        return calls.arguments(
            self.verb, self.elsewhere, title=f"{self.shape}{'Query' if self.reads else 'Body'}", strict=not self.reads
        )

    @property
    def template(self) -> str:
        """The path as OpenAPI writes it, without patterns."""
        return re.sub(r"\{(\w+):[^{}]*(?:\{[^{}]*\}[^{}]*)*\}", r"{\1}", self.path)
