"""The product's own files, as the architecture tests read them."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.given import CHECKOUT

PACKAGES = ("bot", "campaigns", "channels", "desk", "gateway", "insight", "nlu", "storage", "web")
GROWN = frozenset({".git", ".venv", ".tools", "__pycache__", "node_modules", "models", "data"})
"""Folders that are made, not written."""
TEXTS = frozenset(
    {".py", ".md", ".toml", ".yml", ".yaml", ".json", ".html", ".js", ".css", ".sql", ".service", ".mako"}
)
NAMES = frozenset({"Makefile", "Dockerfile", "run", "get-uv"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One Python file."""

    name: str
    """Path in the checkout."""

    @property
    def package(self) -> str:
        return self.name.split("/", 1)[0]

    @property
    def tree(self) -> ast.Module:
        return _tree(self.name)


@cache
def _tree(name: str) -> ast.Module:
    """Read when a test asks: the files are listed in every worker, before anybody knows which tests are whose."""
    return ast.parse((CHECKOUT / name).read_text("utf-8"))


@cache
def product_sources() -> tuple[Source, ...]:
    """Every Python file of the product, tests aside."""
    return tuple(
        Source(name=path.relative_to(CHECKOUT).as_posix())
        for package in PACKAGES
        for path in sorted((CHECKOUT / package).rglob("*.py"))
        if not GROWN.intersection(path.relative_to(CHECKOUT).parts)
    )


@cache
def written_files() -> tuple[Path, ...]:
    """Every text that somebody wrote, in any folder of the checkout."""
    return tuple(
        path
        for path in sorted(CHECKOUT.rglob("*"))
        if path.is_file()
        and (path.suffix in TEXTS or path.name in NAMES)
        and (not GROWN.intersection(path.relative_to(CHECKOUT).parts) or "nlu/rasa/data" in path.as_posix())
        and not any(part.startswith(".") and part != ".ci" for part in path.relative_to(CHECKOUT).parts)
    )
