"""The business's own answers: `knowledge/<language>/<file>.md`, as `playbook/README.md` describes them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.authority import TIERS
from bot.located import Place, read_mapping
from nlu.understanding import KnowledgeDocument, Language

HEADING = re.compile(r"^## +(?P<question>.*?)\s*\{#(?P<slug>[a-z0-9]+(?:-[a-z0-9]+)*)\}\s*$")
ALSO = re.compile(r"^\*(?:Also asked:|也有人问：|也有人問：)(?P<questions>.*)\*\s*$")
SHORT = re.compile(r"^\*(?:In short:|简短：|簡短：)\s*(?P<answer>.*?)\s*\*\s*$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One question of the business's knowledge with its answer, in one language."""

    id: str
    """`shipping#delivery-time`: the same in every language."""
    language: Language
    question: str
    also: tuple[str, ...]
    answer: str
    short: str | None
    """The same in fewer words, for text messages."""
    source: str
    """The file's title, shown to the customer."""
    tiers: frozenset[str]
    """Who may see it; empty: everybody."""
    file: str
    line: int

    def is_for(self, tier: str) -> bool:
        return not self.tiers or tier in self.tiers

    def document(self) -> KnowledgeDocument:
        return KnowledgeDocument(
            entry=self.id, language=self.language, questions=(self.question, *self.also), body=self.answer
        )


def read_entries(content: str, language: Language, place: Place) -> Sequence[Entry]:
    lines = content.splitlines()
    end = _end_of_front_matter(lines)
    if end is None:
        place.note(1, "front matter is missing: the file begins with a line `---`, keys, and another line `---`.")
        return ()
    title, tiers = _front_matter("\n".join(lines[1:end]), place)
    found: list[Entry] = []
    start = end + 1
    while start < len(lines) and not lines[start].startswith("## "):
        if lines[start].strip():
            place.note(start + 1, "text stands before the first `## ` heading.")
        start += 1
    while start < len(lines):
        stop = next((i for i in range(start + 1, len(lines)) if lines[i].startswith("## ")), len(lines))
        entry = _entry(lines[start:stop], start + 1, title, tiers, language, place)
        if entry is not None:
            found.append(entry)
        start = stop
    if not found:
        place.note(end + 1, "there is no entry in this file.")
    return found


def check_together(entries: Mapping[str, Mapping[Language, Entry]], places: Mapping[str, Place]) -> None:
    """Every entry exists in every language, for the same tiers."""
    for name, versions in entries.items():
        first = next(iter(versions.values()))
        missing = [language.value for language in Language if language not in versions]
        if missing:
            places[first.file].note(first.line, f"`{name}` is missing in {', '.join(missing)}.")
        if any(version.tiers != first.tiers for version in versions.values()):
            places[first.file].note(first.line, f"`{name}` is not `for` the same tiers in every language.")


def _end_of_front_matter(lines: Sequence[str]) -> int | None:
    if not lines or lines[0].strip() != "---":
        return None
    return next((i for i in range(1, len(lines)) if lines[i].strip() == "---"), None)


def _front_matter(content: str, place: Place) -> tuple[str, frozenset[str]]:
    section = read_mapping(content, place, offset=1)
    if section is None:
        return "", frozenset()
    title = section.text("title")
    tiers = section.words("for", required=False)
    for tier in tiers:
        if tier not in TIERS:
            section.note(f"`for` holds {tier!r}; tiers are {', '.join(TIERS)}.", section.line_of("for"))
    section.finish()
    return title, frozenset(tiers)


def _entry(
    lines: Sequence[str], number: int, title: str, tiers: frozenset[str], language: Language, place: Place
) -> Entry | None:
    heading = HEADING.match(lines[0])
    if heading is None or not heading["question"]:
        place.note(number, "a heading looks like `## How long does it take? {#delivery-time}`.")
        return None
    also: tuple[str, ...] = ()
    short: str | None = None
    body = list(lines[1:])
    if body and (asked := ALSO.match(body[0])):
        also = tuple(question.strip() for question in asked["questions"].split("·") if question.strip())
        body = body[1:]
    if body and (shortened := SHORT.match(body[0])):
        short = shortened["answer"]
        body = body[1:]
    answer = "\n".join(body).strip()
    if not answer:
        place.note(number, f"`{heading['slug']}` has no answer.")
        return None
    if short is not None and not 0 < len(short) < len(answer):
        place.note(number, f"`{heading['slug']}` has a short answer that is not shorter than the whole one.")
    stem = place.file.rpartition("/")[2].removesuffix(".md")
    return Entry(
        id=f"{stem}#{heading['slug']}",
        language=language,
        question=heading["question"],
        also=also,
        answer=answer,
        short=short,
        source=title,
        tiers=tiers,
        file=place.file,
        line=number,
    )
