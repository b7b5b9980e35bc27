"""The line above a quote: who wrote when, in any language and of any program (`On 1 Jan 2020 at 10:00, X wrote:`).

Not one pattern a program, but what all of them have: a date or an address, a verb of writing or a closing colon.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from channels.mail.client_words import LANGUAGES, QUOTING

LONGEST: Final = 500
"""Characters. Above it is prose."""
MOST_LINES: Final = 6
"""That one attribution is wrapped over, one of them empty."""

UNSPACED: Final = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
"""Scripts that put no blank between words."""


def any_of(words: Iterable[str]) -> str:
    """A pattern of these as whole words, the longest first."""
    longest_first = sorted(set(words), key=lambda word: (-len(word), word))
    spaced = "|".join(re.escape(word) for word in longest_first if not UNSPACED.search(word))
    unspaced = "|".join(re.escape(word) for word in longest_first if UNSPACED.search(word))
    return rf"(?:(?<!\w)(?:{spaced})(?!\w)|{unspaced})"


OPENERS: Final = {word for words in LANGUAGES.values() for word in words.opens}
VERB: Final = any_of(verb for words in LANGUAGES.values() for verb in words.wrote)
WROTE: Final = re.compile(VERB)
ENDS_WITH_VERB: Final = re.compile(rf"{VERB}[\s,.)\-–—]{{0,20}}$")
DATE: Final = re.compile(
    r"(?<!\d)\d{1,2}\s?[:.h時时시点點]\s?\d{2}(?!\d)"
    r"|(?<!\d)(?:19|20|25|14)\d\d(?!\d)"
    r"|(?<!\d)\d{1,4}\s?[./\-年년]\s?\d{1,2}\s?[./\-月월]\s?\d{1,4}"
)
FULL_DATE: Final = re.compile(r"(?<!\d)(?:19|20|25|14)\d\d(?!\d)|\d[./\-]\d{1,2}[./\-]\d")
ADDRESS: Final = re.compile(r"[^\s<>()\[\]\"“”:,;@]{1,100}@[^\s<>()\[\]\"“”:,;@]{2,100}")
BRACKETED: Final = re.compile(
    r"[<(\[]\s*(?:mailto:)?[^\s<>()\[\]]{1,100}@[^<>()\[\]]{2,100}?(?:<mailto:[^>]*>)?\s*[>)\]]"
)
OPENS: Final = re.compile(rf"(?:{any_of(OPENERS)})(?=[\s,:\d“\"‘’'«\u2066-\u2069]|$)")
OPENS_WITH_DATE: Final = re.compile(rf"{OPENS.pattern}[\s,]*(?:[^\s\d]+[\s,]+){{0,3}}[^\s\d]{{0,3}}\d")
STARTS_WITH_DATE: Final = re.compile(
    r"(?:[^\s\d.,]{1,14}[.,]{0,2}[ ,]+){0,2}[^\s\d]{0,3}\d{1,4}(?:[./\-年년]|\s?[^\W\d]{2,12}\.?,?\s)"
)
ENDS_A_SENTENCE: Final = re.compile(r"(?:[!?。！？:：]|(?<!godz)(?<=[^\W\d]{4})\.)$")
ONLY_CLOSES: Final = re.compile(rf"\s*>\s*,?\s*{VERB}\s*[:：]\s*$", re.IGNORECASE)
LONGEST_NAME: Final = 60
LONGEST_CLOSING: Final = 40
TIGHT: Final = re.compile(r"[>)\]\d]$|\d\D{1,8}$|[^\s@]@[^\s@]+$")
AFTER_A_NAME: Final = ("于", "於", "在")
"""Stand between name and date in Chinese."""
LONGEST_TAIL: Final = 14
"""Of an attribution that begins with a name: what was wrapped off it (`AM:`)."""
MOST_WORDS_AFTER_VERB: Final = 4
LONGEST_NAME_IN_WORDS: Final = 7
MOST_SHARED: Final = 3
"""Places in one line that are tried as the beginning of an attribution, from its end."""
SHARED: Final = re.compile(
    r"(?:\s|-{2,}\s?)(?P<attribution>(?:"
    + "|".join(sorted(word.capitalize() for word in OPENERS if word.isascii() and word.isalpha() and len(word) > 1))
    + r")\s+(?:[^\s\d]{1,12}[\s,]+){0,3}?\d)"
)
NOISE: Final = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff*_]+")
ENTITIES: Final = (("&quot;", '"'), ("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", " "), ("&amp;", "&"))


def attribution(lines: list[str], last: int, first: int, *, quote_follows: bool) -> int | None:
    """Where the attribution begins that ends with the line `last`; None if there is none.

    It is not looked for above `first`.
    """
    if len(lines[last]) > LONGEST:
        return None
    closing = plain(lines[last])
    if not closes(closing) and not (quote_follows and starts(closing)):
        return None
    between_dashes = lines[last].lstrip().startswith("---") and closing.endswith(":")
    quote_follows = quote_follows or between_dashes
    found = last if is_attribution(closing, quote_follows=quote_follows) else None
    joined = closing
    anchored = found is not None and starts(closing) and WROTE.match(closing) is None
    if anchored and FULL_DATE.search(closing) and not closing.startswith(AFTER_A_NAME):
        return last
    blank = False
    for above in range(last - 1, max(first, last - MOST_LINES + 1) - 1, -1):
        line = plain(lines[above]) if len(lines[above]) <= LONGEST else "."
        if not line:
            if blank or anchored:
                break
            blank = True
            continue
        if line == "." or ENDS_A_SENTENCE.search(line) or len(joined) + len(line) > LONGEST:
            break
        joined = f"{line} {joined}"
        if blank and not OPENS_WITH_DATE.match(line):
            break
        begins = starts(line)
        names = found is None and len(closing) <= LONGEST_TAIL
        if not anchored or closing.startswith(AFTER_A_NAME):
            names = names or BRACKETED.search(line) is not None
        if (begins or names) and is_attribution(joined, quote_follows=quote_follows):
            found, anchored = above, anchored or begins
            if begins and FULL_DATE.search(line):
                break
    named_above = found == last > first and closing.startswith("<") and is_name(lines[last - 1])
    return last - 1 if named_above else found


def plain(line: str) -> str:
    """A line as it is compared: lower case, no marks of emphasis or direction, no dashes around it."""
    if "&" in line:
        for entity, character in ENTITIES:
            line = line.replace(entity, character)
    return NOISE.sub("", line).replace("\xa0", " ").strip(" \t-–—‐|").lower()


def is_name(line: str) -> bool:
    """The line may be the name before a wrapped address."""
    name = plain(line[:LONGEST_NAME])
    return name != "" and len(line) < LONGEST_NAME and not ENDS_A_SENTENCE.search(name) and not name.endswith(",")


def closes(line: str) -> bool:
    """The line may be the last of an attribution."""
    return line.endswith((":", "：")) or (len(line) <= LONGEST and ENDS_WITH_VERB.search(line[-60:]) is not None)


def starts(line: str) -> bool:
    """The line may be the first of an attribution."""
    head = line[:80]
    return (
        head.startswith(QUOTING)
        or OPENS_WITH_DATE.match(head) is not None
        or (STARTS_WITH_DATE.match(head) is not None and DATE.search(head) is not None)
    )


def is_attribution(line: str, *, quote_follows: bool) -> bool:
    """The whole line, `plain`, says who wrote when."""
    if len(line) > LONGEST:
        return False
    begins = starts(line)
    address = ADDRESS.search(line) is not None
    dates = len(DATE.findall(line))
    wrote = WROTE.search(line) is not None
    if not line.endswith((":", "：")):
        said = wrote and ENDS_WITH_VERB.search(line[-60:]) is not None
        return begins and dates > 0 and ((said and (address or quote_follows)) or (quote_follows and address))
    if quote_follows and (wrote or (dates > 0 and address)):
        return True
    if address and (line.startswith(QUOTING) or (dates > 0 and (begins or BRACKETED.search(line) is not None))):
        return begins or not wrote or is_tight(line)
    if wrote and address:
        return is_tight(line)
    if not wrote or dates < 1 or (dates < 2 and not begins):
        return False
    return words_after_verb(line) <= (LONGEST_NAME_IN_WORDS if begins and dates > 1 else MOST_WORDS_AFTER_VERB)


def is_tight(line: str) -> bool:
    """Its last word before the colon is a verb of writing, an address or a time: no sentence runs on to the colon."""
    said = line.rstrip(" :：")
    return TIGHT.search(said[-20:]) is not None or ENDS_WITH_VERB.search(said[-60:]) is not None


def words_after_verb(line: str) -> int:
    """Words that are no numbers, between the last verb of writing and the end."""
    after = max(found.end() for found in WROTE.finditer(line))
    return sum(1 for word in line[after:].split() if not any(character.isdigit() for character in word))


def only_closes(line: str) -> bool:
    """The end of a wrapped attribution, which an address's closing bracket makes look like a quote (`> wrote:`)."""
    return len(line) <= LONGEST_CLOSING and ONLY_CLOSES.match(line) is not None


def shared(line: str) -> int | None:
    """Where an attribution begins that shares its line with the answer before it."""
    if len(line) > LONGEST:
        return None
    for found in list(SHARED.finditer(line))[-MOST_SHARED:]:
        rest = plain(line[found.start("attribution") :])
        if starts(rest) and is_attribution(rest, quote_follows=True):
            return len(line[: found.start("attribution")].rstrip(" \t-–—"))
    return None
