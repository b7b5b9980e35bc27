"""Several questions in one message: where one ends and the next begins."""

from __future__ import annotations

import re

MOST_CHARACTERS = 400
"""Who writes more tells a story, and that is understood as a whole."""
MOST_PARTS = 5

_MARKS = re.compile(
    r"[?？!！。;；\n]+|[,，、](?!\d)|(?<!\d)\.(?=\s|$)|\s+(?=(?:and also|also|and then)\s)", re.IGNORECASE
)
_QUESTION_MARK = re.compile(r"[?？]")
_ASKS = re.compile(
    r"[吗嗎呢]$|多久|多少|怎么|怎麼|怎样|怎樣|如何|什么|什麼|哪[里裡些个個儿兒]|哪款|几[天点时號号]|幾[天點時號]|能不能|可不可以|可以.{1,8}[吗嗎]|有没有|有沒有|是不是"
    r"|^(?:(?:and|also|then|so|or|but|hi|hello|please|plus)\s+)*"
    r"(?:how|what|when|where|which|who|why|can|could|do|does|did|is|are|will|would|may|any)\b.*\b\w+",
    re.IGNORECASE,
)
_OPENS = re.compile(r"(?:and|also|then|plus|so)\s+|还有|還有|另外|对了|對了|以及", re.IGNORECASE)


def questions(text: str) -> list[str]:
    """The questions of a text that asks more than one, each with the words that lead to it; else nothing."""
    clauses = _clauses(text)
    if sum(asks for _, asks in clauses) < 2:
        return []
    found, lead = list[str](), list[str]()
    for words, asks in clauses:
        lead.append(words)
        if asks:
            found.append(", ".join(lead))
            lead = []
    if lead:
        found[-1] = ", ".join([found[-1], *lead])
    return found[:MOST_PARTS]


def statements(text: str) -> list[str]:
    """Every clause of a text by itself, where one of them is a question; else nothing."""
    clauses = _clauses(text)
    if len(clauses) < 2 or not any(asks for _, asks in clauses):
        return []
    return [words for words, _ in clauses][:MOST_PARTS]


def _clauses(text: str) -> list[tuple[str, bool]]:
    """Each clause, and whether it asks something."""
    if len(text) > MOST_CHARACTERS or _MARKS.search(text) is None:
        return []
    clauses: list[tuple[str, bool]] = []
    start = 0
    for mark in (*_MARKS.finditer(text), None):
        end = mark.start() if mark else len(text)
        words = text[start:end].strip()
        start = mark.end() if mark else end
        if sum(character.isalnum() for character in words) < 2:
            continue
        marked = mark is not None and _QUESTION_MARK.search(mark[0]) is not None
        opened = _OPENS.match(words)
        bare = words[opened.end() :] if opened else words
        clauses.append((words, marked or _ASKS.search(bare or words) is not None))
    return clauses
