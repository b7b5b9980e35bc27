"""The console's own words, in the languages that it speaks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml

FOLDER = Path(__file__).parent / "texts"
LANGUAGES: Mapping[str, str] = {"zh-Hans": "简体中文", "zh-Hant": "繁體中文", "en": "English"}
"""Tag to name."""
USUAL = "en"


def words(language: str) -> Mapping[str, str]:
    """All texts by key, such as `login.title`; of a language that we do not speak, English ones."""
    return _read(language if language in LANGUAGES else USUAL)


def best_language(accepted: str) -> str:
    """One of ours for a browser's Accept-Language (RFC 9110, 12.5.4), whose first is the most wanted."""
    for part in accepted.split(","):
        tag = part.partition(";")[0].strip().lower()
        if tag.startswith("zh"):
            return "zh-Hant" if any(mark in tag for mark in ("hant", "tw", "hk", "mo")) else "zh-Hans"
        if tag.startswith("en"):
            return "en"
    return USUAL


@cache
def _read(language: str) -> Mapping[str, str]:
    """One file for each part of the console, with all its languages side by side."""
    parts = {path.stem: yaml.safe_load(path.read_text("utf-8"))[language] for path in sorted(FOLDER.glob("*.yml"))}
    return {f"{part}.{key}": text for part, texts in parts.items() for key, text in texts.items()}
