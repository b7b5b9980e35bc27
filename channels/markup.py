"""A small Markdown: what a person of the house may emphasise, and what is left of it where nothing can be emphasised.

`**bold**`, `*italic*` (or `_italic_`), `~~struck~~`, `` `typed` ``, `[label](https://…)`, and as a list lines that
begin with `- `. Whatever is not closed, or stands within a word or a sum (`2*3*4`, `a_name_`), is what it looks like. A
backslash takes the next sign as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from html import escape as escaped
from itertools import groupby
from operator import attrgetter
from typing import Final


class Style(StrEnum):
    """What a run of words may be."""

    BOLD = "bold"
    ITALIC = "italic"
    STRUCK = "struck"
    TYPED = "typed"  # letter for letter: a code, a file's name


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """Words that look alike."""

    text: str
    styles: tuple[Style, ...] = ()
    """Each once, the outermost first."""
    url: str | None = None
    """Where the words lead; always http, https or mailto."""


_WORD: Final = "A-Za-z0-9"
_TOKEN: Final = re.compile(
    r"\\(?P<plain>[\\*_~`\[\]])"
    r"|`(?P<typed>[^`\n]+)`"
    r"|\[(?P<label>[^\[\]\n]{1,300})\]\((?P<url>(?:https?://|mailto:)[^\s()<>\"]{1,1990})\)"
    r"|\*\*(?P<bold>[^\s*](?:[^\n]{0,2000}?[^\s])??)\*\*(?!\*)"
    r"|~~(?P<struck>[^\s~](?:[^\n~]{0,2000}[^\s~])?)~~"
    rf"|(?<![{_WORD}*])\*(?P<italic>[^\s*](?:[^*\n]{{0,2000}}[^\s*])?)\*(?![{_WORD}*])"
    rf"|(?<![{_WORD}_])_(?P<slanted>[^\s_](?:[^_\n]{{0,2000}}[^\s_])?)_(?![{_WORD}_])"
)
_ITEM: Final = re.compile(r"^([ \t]{0,8})[-*][ \t]+(?=\S)", re.MULTILINE)
_URL: Final = attrgetter("url")
_SPECIAL: Final = re.compile(r"([\\*_~`\[\]])")
_TAGS: Final = {Style.BOLD: "strong", Style.ITALIC: "em", Style.STRUCK: "s", Style.TYPED: "code"}


def runs(source: str, *, bullet: str = "•") -> tuple[Run, ...]:
    """The words as they look. `bullet`: what stands before each line of a list."""
    return tuple(_joined(_runs(_ITEM.sub(rf"\1{bullet} ", source), (), None)))


def text_of(source: str) -> str:
    """The words alone: labels without where they lead."""
    return "".join(run.text for run in runs(source))


def plain(source: str, *, bullet: str = "•") -> str:
    """For whoever sees nothing but text: where a link leads stands behind its words."""
    said = groupby(runs(source, bullet=bullet), _URL)
    return "".join(_plain(url, "".join(run.text for run in alike)) for url, alike in said)


def lost(source: str) -> frozenset[str]:
    """What `plain` takes away: words of Style, and `link`."""
    found = runs(source)
    return frozenset({str(style) for run in found for style in run.styles} | {"link" for run in found if run.url})


def escape(text: str) -> str:
    """A source that says this text and nothing else."""
    return _SPECIAL.sub(r"\\\1", text)


def html_of(run: Run) -> str:
    """One run as HTML; nothing that was written becomes a tag."""
    html = escaped(run.text, quote=False)
    for style in reversed(run.styles):
        html = f"<{_TAGS[style]}>{html}</{_TAGS[style]}>"
    return html if run.url is None else f'<a href="{escaped(run.url)}">{html}</a>'


def _runs(source: str, styles: tuple[Style, ...], url: str | None) -> Iterator[Run]:
    at = 0
    for found in _TOKEN.finditer(source):
        if found.start() > at:
            yield Run(text=source[at : found.start()], styles=styles, url=url)
        at = found.end()
        kind, inner = found.lastgroup, found[found.lastgroup or 0]
        match kind:
            case "plain":
                yield Run(text=inner, styles=styles, url=url)
            case "typed":
                yield Run(text=inner, styles=_with(styles, Style.TYPED), url=url)
            case "url":
                # A link within a link leads nowhere else.
                yield from _runs(found["label"], styles, url or inner)
            case _:
                yield from _runs(inner, _with(styles, _STYLES[kind or ""]), url)
    if at < len(source):
        yield Run(text=source[at:], styles=styles, url=url)


_STYLES: Final = {"bold": Style.BOLD, "struck": Style.STRUCK, "italic": Style.ITALIC, "slanted": Style.ITALIC}


def _with(styles: tuple[Style, ...], style: Style) -> tuple[Style, ...]:
    return styles if style in styles else (*styles, style)


def _joined(several: Iterator[Run]) -> Iterator[Run]:
    """Neighbours that look alike are one."""
    last: Run | None = None
    for run in several:
        if last is not None and (last.styles, last.url) == (run.styles, run.url):
            last = Run(text=last.text + run.text, styles=run.styles, url=run.url)
            continue
        if last is not None:
            yield last
        last = run
    if last is not None:
        yield last


def _plain(url: str | None, words: str) -> str:
    if url is None:
        return words
    address = url.removeprefix("mailto:")
    return words if words.strip() == address else f"{words} ({address})"
