"""Chinese characters: traditional ones and the simplified ones that stand for them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

_FILE = Path(__file__).parent / "rasa" / "simplified.txt"
"""Kept in line with OpenCC by `python -m nlu.rasa_project`; to ask OpenCC itself costs 60 ms."""


@cache
def simplified() -> Mapping[int, str]:
    """Code points of traditional characters to what stands for them, as str.translate takes it."""
    traditional, stand_ins = _FILE.read_text("utf-8").split()
    return str.maketrans(dict(zip(traditional, stand_ins, strict=True)))
