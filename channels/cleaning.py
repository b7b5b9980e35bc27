"""What a person wrote, so that it can be stored: the same on every channel, and nothing else is changed."""

from __future__ import annotations

import re
from typing import Final

LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """Without NUL, and with U+FFFD in place of each lone surrogate.

    NUL means nothing to a person, and PostgreSQL cannot hold it. A lone surrogate is half of a character that was
    there: UTF-8 cannot hold it, but that something is missing shall be seen, and what stood apart shall not be joined
    (the Unicode Standard, 3.9, "U+FFFD Substitution"; Unicode Technical Report 36, 3.5, "Deletion of Code Points").
    """
    return LONE_SURROGATE.sub("\ufffd", text.replace("\0", "") if "\0" in text else text)
