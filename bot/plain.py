"""Plain values: what memory, facts and details are made of, and what a database keeps as JSON."""

from __future__ import annotations

from typing_extensions import TypeAliasType

# In a file of its own: type checkers resolve its recursion or not by which file they meet first.
Json = TypeAliasType("Json", "None | bool | int | float | str | list[Json] | dict[str, Json]")
