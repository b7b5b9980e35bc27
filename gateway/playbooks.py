"""The playbook in force: read from its folder, and read again when it changes, without a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import structlog

from bot.knowledge import Entry
from bot.playbook import Playbook, PlaybookMistakes, load
from nlu.entities import Entities, Product
from nlu.knowledge import KnowledgeIndex
from nlu.understanding import Entity, Language

log = structlog.get_logger(__name__)

SUFFIXES = (".yml", ".md")

Entries = Mapping[str, Mapping[Language, Entry]]
"""By name and language."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Version:
    playbook: Playbook
    knowledge: KnowledgeIndex
    entities: Entities
    stamp: tuple[tuple[str, int, int], ...]
    of_files: Playbook
    """Without what has joined it."""


class Playbooks:
    """Holds the last playbook that had no mistakes."""

    def __init__(self, folder: Path) -> None:
        """Raises PlaybookMistakes: a house does not open with a broken playbook."""
        self._folder = folder
        self._version = _read(folder)
        self.mistakes: PlaybookMistakes | None = None
        """Of a newer version on disk that is not in force."""
        self._refused: tuple[tuple[str, int, int], ...] | None = None
        self._joined: Entries = {}

    def playbook(self) -> Playbook:
        return self._version.playbook

    def knowledge(self) -> KnowledgeIndex:
        return self._version.knowledge

    def find(self, text: str) -> tuple[Entity, ...]:
        """The facts in a text, by the order numbers and the catalogue of the playbook in force."""
        return self._version.entities.find(text)

    async def join(self, entries: Entries) -> None:
        """Knowledge from elsewhere than the files is from now on known besides theirs."""
        self._joined = entries
        self._version = await asyncio.to_thread(_with, self._version, entries)

    async def look_again(self) -> None:
        """Take a changed playbook into force, or say what is wrong with it and keep the old one."""
        stamp = await asyncio.to_thread(_stamp, self._folder)
        if stamp in (self._version.stamp, self._refused):
            return
        try:
            self._version = await asyncio.to_thread(lambda: _with(_read(self._folder), self._joined))
        except PlaybookMistakes as mistakes:
            self.mistakes, self._refused = mistakes, stamp
            for mistake in mistakes.mistakes:
                log.error("playbook_mistake", file=mistake.file, line=mistake.line, reason=mistake.sentence)
            return
        self.mistakes = self._refused = None
        log.info("playbook_in_force", fingerprint=self._version.playbook.fingerprint)


def files(folder: Path) -> dict[str, str]:
    """Every file of a playbook by relative path; undecodable bytes become U+FFFD, which the loader names."""
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8", errors="replace") for path in _paths(folder)}


def _paths(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES and path.name != "README.md")


def _stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    stats = ((path, path.stat()) for path in _paths(folder))
    return tuple((str(path), stat.st_mtime_ns, stat.st_size) for path, stat in stats)


def _read(folder: Path) -> _Version:
    stamp = _stamp(folder)
    playbook = load(files(folder))
    return _Version(
        playbook=playbook,
        knowledge=KnowledgeIndex(playbook.documents()),
        entities=_entities(playbook),
        stamp=stamp,
        of_files=playbook,
    )


def _with(version: _Version, joined: Entries) -> _Version:
    """What a file says stands, should somebody call one so."""
    playbook = version.of_files
    if joined:
        words = repr(sorted((name, sorted(entries.items())) for name, entries in joined.items()))
        fingerprint = sha256(f"{playbook.fingerprint}{words}".encode()).hexdigest()[:16]
        playbook = replace(playbook, entries={**joined, **playbook.entries}, fingerprint=fingerprint)
    return replace(version, playbook=playbook, knowledge=KnowledgeIndex(playbook.documents()))


def _entities(playbook: Playbook) -> Entities:
    return Entities(
        order_pattern=playbook.policy.order_pattern.pattern,
        region=playbook.policy.region,
        catalogue=[
            Product(name=product.id, words=(*product.names.values(), *product.also)) for product in playbook.products
        ],
    )
