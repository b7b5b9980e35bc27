"""Choices: which option of an open question the customer means, by button, number, ordinal, label, yes or no."""

from __future__ import annotations

import re
import unicodedata

from bot.heard import Heard
from bot.memory import Choice, Option

TOKEN = re.compile(r"choice:(\d{1,9}):(\d{1,3})")
"""What our buttons send: serial of the choice, number of the option."""

_HAN = {"一": 1, "二": 2, "两": 2, "兩": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9, "十": 10}
_ORDINALS = {
    "first": 1,
    "second": 2,
    "third": 3,
    "fourth": 4,
    "fifth": 5,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
}
_NUMBER = re.compile(
    r"(?:第|选|選|我选|我選|选择|選擇|option|number|no|nr|the)?\s*"
    r"(?P<number>\d{1,2}|[一二两兩三四五六七八九十]|first|second|third|fourth|fifth|one|two|three|four|five)"
    r"\s*(?:个|個|项|項|条|條|款|号|號|th|st|nd|rd|option|one)?"
)
_YES, _NO = frozenset({"yes", "accept", "grant"}), frozenset({"no", "decline", "none"})
_PLAIN_YES = re.compile(
    r"(?:yes|yeah|yep|yup|please do|yes please|please|go ahead|do it|do that)\b"
    r"|是的?|[对對]的?|要的?$|需要|好的?[请請麻]|[帮幫]我|[请請][帮幫]|[办辦]理?吧"
)
"""More than "ok", which only says that an answer was read: something is started on it."""
_LONGEST = 60
"""Characters; a longer text chooses nothing, it tells something."""


def pressed(choice: Choice | None, token: str) -> Option | None:
    """The option of a button that was pressed; None where the button is old or was never ours."""
    match = TOKEN.fullmatch(token.strip())
    if match is None or choice is None or int(match[1]) != choice.serial:
        return None
    return _numbered(choice, int(match[2]))


def meant(choice: Choice, heard: Heard, sure: float) -> Option | None:
    """The option that the words mean; None where they mean something else."""
    text = heard.text
    if not text or len(text) > _LONGEST:
        return None
    plain = _plain(text)
    for option in choice.options:
        if plain and plain == _plain(option.label):
            return option
    if match := _NUMBER.fullmatch(plain):
        word = match["number"]
        number = _HAN.get(word) or _ORDINALS.get(word) or (int(word) if word.isdecimal() else 0)
        return _numbered(choice, number)
    if heard.confidence("affirm") >= sure:
        yes = _YES | {"start"} if _PLAIN_YES.match(plain) else _YES
        guessed = [option for option in choice.options if option.does == "mean"]
        return next((option for option in choice.options if option.does in yes), None) or (
            guessed[0] if len(guessed) == 1 else None
        )
    if heard.confidence("deny") >= sure:
        return next((option for option in choice.options if option.does in _NO), None)
    return None


def _numbered(choice: Choice, number: int) -> Option | None:
    return choice.options[number - 1] if 1 <= number <= len(choice.options) else None


def _plain(text: str) -> str:
    """Full width, case and everything that is no letter or digit folded away."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join("".join(c if c.isalnum() else " " for c in folded).split())
