"""Findings of `rapport check`: what was looked at, how it bears on a start, and a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How a finding bears on a start."""

    FINE = "fine"  # tried, and it works
    NOTE = "note"  # works, and is worth knowing
    MISTAKE = "mistake"  # will not work until it is changed


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that was looked at."""

    level: Level
    subject: str
    """What it is about: `database`, `telegram`, or a key of the settings."""
    sentence: str


def fine(subject: str, sentence: str) -> Finding:
    return Finding(level=Level.FINE, subject=subject, sentence=sentence)


def note(subject: str, sentence: str) -> Finding:
    return Finding(level=Level.NOTE, subject=subject, sentence=sentence)


def mistake(subject: str, sentence: str) -> Finding:
    return Finding(level=Level.MISTAKE, subject=subject, sentence=sentence)
