"""The playbook: everything the assistant says and may do, loaded from the business's files and checked as a whole."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import yaml

from bot import causes
from bot.causes import Causes, read_causes
from bot.hours import Hours
from bot.hours_file import HoursMistake, parse_hours
from bot.knowledge import Entry, check_together, read_entries
from bot.located import Mistake, Place, Section, read_mapping
from bot.policy import Policy, Product
from bot.policy_file import read_policy
from bot.wordings import Texts, read_texts
from nlu.understanding import KnowledgeDocument, Language

POLICY = "policy.yml"
HOURS = "hours.yml"


class PlaybookMistakes(Exception):
    """The playbook has mistakes; `mistakes` names all of them with file and line."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(sorted(mistakes))
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


@dataclass(frozen=True, kw_only=True, slots=True)
class Playbook:
    """A checked playbook. Made by `load`; a new version is a new Playbook."""

    policy: Policy
    hours: Hours
    texts: Mapping[Language, Texts]
    entries: Mapping[str, Mapping[Language, Entry]] = field(default_factory=dict[str, Mapping[Language, Entry]])
    """Knowledge by entry id and language."""
    causes: Causes = field(default_factory=lambda: causes.USUAL)
    """What complaints come from, by id."""
    fingerprint: str = ""
    """Hash of all files: the same words and rules have the same fingerprint."""

    def documents(self) -> list[KnowledgeDocument]:
        """What the knowledge index is built from."""
        return [entry.document() for versions in self.entries.values() for entry in versions.values()]

    def entry(self, name: str, language: Language) -> Entry | None:
        """In the language asked for, else in any that there is."""
        versions = self.entries.get(name)
        if not versions:
            return None
        return versions.get(language) or next(iter(versions.values()))

    @property
    def products(self) -> tuple[Product, ...]:
        return self.policy.products


def load(files: Mapping[str, str]) -> Playbook:
    """From relative path (with `/`) to content. Raises PlaybookMistakes with everything that is wrong, at once."""
    mistakes: list[Mistake] = []
    policy = _read_policy(files, mistakes)
    hours = _read_hours(files, mistakes)
    texts = _read_all_texts(files, mistakes)
    entries = _read_knowledge(files, mistakes)
    own = read_causes(files[causes.FILE], Place(causes.FILE, mistakes)) if causes.FILE in files else causes.USUAL
    _note_strangers(files, mistakes)
    if policy is not None:
        _check_topics(policy, entries, files[POLICY], mistakes)
    if mistakes or policy is None or hours is None:
        raise PlaybookMistakes(mistakes)
    return Playbook(
        policy=policy, hours=hours, texts=texts, entries=entries, causes=own, fingerprint=_fingerprint(files)
    )


def _read_policy(files: Mapping[str, str], mistakes: list[Mistake]) -> Policy | None:
    place = Place(POLICY, mistakes)
    if POLICY not in files:
        place.note(1, "the file is missing.")
        return None
    return read_policy(files[POLICY], place)


def _read_hours(files: Mapping[str, str], mistakes: list[Mistake]) -> Hours | None:
    place = Place(HOURS, mistakes)
    if HOURS not in files:
        place.note(1, "the file is missing.")
        return None
    section = read_mapping(files[HOURS], place)
    if section is None:
        return None
    try:
        data = cast("Mapping[object, object]", yaml.safe_load(files[HOURS]))
    except (yaml.YAMLError, ValueError) as error:  # an impossible date, such as 2026-02-30, is a ValueError
        place.note(section.line, f"a value cannot be read: {' '.join(str(error).split())}.")
        return None
    try:
        return parse_hours(data, HOURS)
    except HoursMistake as mistake:
        for key, sentence in mistake.found:
            place.note(_line_of(key, section), sentence)
        return None


def _line_of(dotted: str, section: Section) -> int:
    """The deepest line that a dotted key leads to."""
    line = section.line
    inner: Section | None = section
    for part in dotted.split("."):
        if inner is None:
            break
        line = inner.line_of(part)
        node = inner.find(part)
        inner = inner.as_section(node, part) if isinstance(node, yaml.MappingNode) else None
    return line


def _read_all_texts(files: Mapping[str, str], mistakes: list[Mistake]) -> Mapping[Language, Texts]:
    found: dict[Language, Texts] = {}
    for language in Language:
        name = f"texts/{language.value}.yml"
        place = Place(name, mistakes)
        if name not in files:
            place.note(1, "the file is missing: every word exists in every language.")
            continue
        found[language] = read_texts(files[name], language, place)
    return found


def _read_knowledge(files: Mapping[str, str], mistakes: list[Mistake]) -> Mapping[str, Mapping[Language, Entry]]:
    found: dict[str, dict[Language, Entry]] = {}
    places: dict[str, Place] = {}
    for language in Language:
        prefix = f"knowledge/{language.value}/"
        for name in sorted(name for name in files if name.startswith(prefix) and name.endswith(".md")):
            places[name] = Place(name, mistakes)
            for entry in read_entries(files[name], language, places[name]):
                versions = found.setdefault(entry.id, {})
                if language in versions:
                    places[name].note(entry.line, f"`{entry.id}` stands here a second time.")
                versions[language] = entry
    check_together(found, places)
    return found


def _check_topics(
    policy: Policy, entries: Mapping[str, Mapping[Language, Entry]], content: str, mistakes: list[Mistake]
) -> None:
    stems = {name.partition("#")[0] for name in entries}
    lines = content.splitlines()
    for intent, names in policy.topics.items():
        line = next((n for n, text in enumerate(lines, start=1) if text.strip().startswith(f"{intent}:")), 1)
        for name in names:
            if name not in stems:
                Place(POLICY, mistakes).note(
                    line, f"`topics.{intent}` names {name!r}; there is no such knowledge file."
                )


def _note_strangers(files: Mapping[str, str], mistakes: list[Mistake]) -> None:
    """A misspelt folder or language would silently take its texts out of the conversation."""
    known = {POLICY, HOURS, causes.FILE, *(f"texts/{language.value}.yml" for language in Language)}
    folders = tuple(f"knowledge/{language.value}/" for language in Language)
    for name in files:
        belongs = name in known or (name.startswith(folders) and name.endswith(".md"))
        if not belongs and name.endswith((".yml", ".yaml", ".md")) and "/" in name:
            Place(name, mistakes).note(1, "this file is not part of a playbook; is its name or folder misspelt?")


def _fingerprint(files: Mapping[str, str]) -> str:
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name}\0{len(files[name])}\0{files[name]}\0".encode(errors="surrogatepass"))
    return digest.hexdigest()[:16]
