"""Agents: the names they go by, and their words as they can be stored and sent."""

from __future__ import annotations

from desk.refusals import Unusable

LONGEST = 20_000
"""Characters of one reply or note; more is a document, and belongs into an attachment."""


def agent_name(name: str) -> str:
    """A name as it is recorded. Raises Unusable."""
    name = " ".join(name.split())
    if not name or len(name) > 64 or not name.isprintable() or ":" in name:
        raise Unusable("an agent's name has 1 to 64 printable characters and no colon")
    return name


def usable(text: str) -> str:
    """Text that can be stored and sent. Raises Unusable."""
    text = text.strip()
    if not text:
        raise Unusable("the text is empty")
    if len(text) > LONGEST:
        raise Unusable(f"the text has {len(text)} characters; {LONGEST} is the most")
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise Unusable("the text holds characters that cannot be stored")
    return text
