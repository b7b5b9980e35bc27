"""Work of the product that a thousand tests would repeat with one result: done once a process, or with less effort.

Of ours, only what was imported is touched. Processes that a test starts are as they are.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Connection, Dialect, Engine, event
from sqlalchemy.util import LRUCache

if TYPE_CHECKING:
    from gateway.playbooks import _Version


def put_in_place(patch: pytest.MonkeyPatch) -> None:
    if (passwords := sys.modules.get("desk.passwords")) is not None:
        # What it costs to guess a password, a test that logs in need not pay. One test asks what it costs.
        patch.setattr(passwords, "PasswordHasher", partial(PasswordHasher, time_cost=1, memory_cost=64, parallelism=1))
        passwords._hasher.cache_clear()
        passwords._nobody_s.cache_clear()
    if (playbooks := sys.modules.get("gateway.playbooks")) is not None:
        patch.setattr(playbooks, "_read", _same_words_read_once(playbooks))
    event.listen(Engine, "engine_connect", Compiled())


class Compiled:
    """Statements as text, for all engines that speak alike: each engine would compile what every other has.

    An engine lives as long as a test, and half of what a page of the console costs is the first time that it asks.
    """

    def __init__(self) -> None:
        # Some thousand statements are all that the product has; what a test makes up must not stay for ever.
        self._kept: LRUCache[tuple[object, ...], object] = LRUCache(4000)

    def get(self, key: tuple[Dialect, ...]) -> object | None:
        return self._kept.get(_alike(key))

    def __setitem__(self, key: tuple[Dialect, ...], compiled: object) -> None:
        self._kept[_alike(key)] = compiled

    def __call__(self, connection: Connection) -> None:
        """Whenever a connection is opened."""
        connection.execution_options(compiled_cache=self)


def _alike(key: tuple[Dialect, ...]) -> tuple[object, ...]:
    """With what the text and its parameters depend on, in place of the one engine that asks."""
    dialect, *statement = key
    documents = getattr(dialect, "_json_serializer", None), getattr(dialect, "_json_deserializer", None)
    return (type(dialect), dialect.server_version_info, *documents, *statement)


def _same_words_read_once(playbooks: ModuleType) -> Callable[[Path], _Version]:
    """A playbook is a value: of the same words there is one, wherever their files lie. Mistakes are found each time."""
    read: Callable[[Path], _Version] = playbooks._read
    kept: dict[frozenset[tuple[str, str]], _Version] = {}

    def once(folder: Path) -> _Version:
        stamp = playbooks._stamp(folder)
        words = frozenset(playbooks.files(folder).items())
        if words not in kept:
            kept[words] = read(folder)
        return replace(kept[words], stamp=stamp)

    return once
