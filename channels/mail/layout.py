"""What surrounds the business's words in a mail: a page around the HTML, who wrote what is quoted, the way out.

There is one wording a language. A business that wants its own page gives a Layout of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from html import escape
from itertools import zip_longest
from typing import Final
from zoneinfo import ZoneInfo

from channels.markup import html_of, runs

_PLACE: Final = re.compile(r"\{\{(\w+)\}\}")
_PLACES: Final = ("text", "quoted", "footer")
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_LINK: Final = re.compile(r"https?://[!#-&*-;=?-Z_a-z~()\[\]']+", re.IGNORECASE)
_AFTER_LINK: Final = ".,;:!?'*_"
_BLANK_LINES: Final = re.compile(r"\n(?:[ \t]*\n)+")

PAGE: Final = """<!DOCTYPE html>
<html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"></head>
<body style="margin:0;padding:12px;font:15px/1.6 -apple-system,'Segoe UI',Roboto,'PingFang SC','PingFang TC',\
'Microsoft YaHei','Microsoft JhengHei',sans-serif;color:#222">
<div style="max-width:640px">
{{text}}
</div>
{{quoted}}
{{footer}}
</body></html>
"""


class Misshapen(ValueError):
    """A page for mails has {{text}}, {{quoted}} and {{footer}}, each once and in this order, and no other places."""

    def __init__(self, line: int, found: str) -> None:
        """`line`: where, counted from 1; `found`: what is wrong there."""
        super().__init__(f"{found}. {self.__doc__}")
        self.line = line


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """Everything of a mail that is not the business's own words, in one language."""

    page: str
    """HTML with the places {{text}}, {{quoted}} and {{footer}}. It is the business's own, and trusted as it is."""
    wrote: str
    """Above what is quoted, with the places {date} and {author}; mail programs know it as the start of a quote."""
    date: str
    """{day}, {month}, {name} (of the month, in English), {year} and {time}."""
    somebody: str
    """The author where nobody knows a name."""
    subject: str
    """Of a mail that has none; {name} is the business."""
    unsubscribe: str
    """The words of the link that leads out."""

    def pieces(self) -> tuple[str, str, str, str]:
        """The page between its places. Raises Misshapen."""
        found = _PLACE.split(self.page)
        places = found[1::2]
        for number, (place, wanted) in enumerate(zip_longest(places, _PLACES)):
            if place != wanted:
                line = "".join(found[: 2 * number + 1]).count("\n") + 1
                raise Misshapen(line, f"here is {_shown(place)} where {_shown(wanted)} should be")
        return found[0], found[2], found[4], found[6]

    def attribution(self, author: str, at: datetime, zone: ZoneInfo) -> str:
        """Who wrote what follows, and when, by the business's clock."""
        local = at.astimezone(zone)
        date = self.date.format(
            day=local.day,
            month=local.month,
            name=_MONTHS[local.month - 1],
            year=local.year,
            time=f"{local.hour:02}:{local.minute:02}",
        )
        return self.wrote.format(date=date, author=author or self.somebody)


def _shown(place: str | None) -> str:
    return "nothing" if place is None else f"{{{{{place}}}}}"


LAYOUTS: Final[Mapping[str, Layout]] = {
    "en": Layout(
        page=PAGE.replace("<html>", '<html lang="en">'),
        wrote="On {date}, {author} wrote:",
        date="{day} {name} {year} at {time}",
        somebody="you",
        subject="A message from {name}",
        unsubscribe="Unsubscribe from these e-mails",
    ),
    "zh-Hans": Layout(
        page=PAGE.replace("<html>", '<html lang="zh-Hans">'),
        wrote="在 {date}，{author} 写道：",
        date="{year}年{month}月{day}日 {time}",
        somebody="您",
        subject="来自{name}的消息",
        unsubscribe="退订此类邮件",
    ),
    "zh-Hant": Layout(
        page=PAGE.replace("<html>", '<html lang="zh-Hant">'),
        wrote="{author} 於 {date} 寫道：",
        date="{year}年{month}月{day}日 {time}",
        somebody="您",
        subject="來自{name}的訊息",
        unsubscribe="取消訂閱此類郵件",
    ),
}


def with_pages(pages: Mapping[str, str]) -> Mapping[str, Layout]:
    """The layouts with a business's own pages, by language. Raises Misshapen."""
    layouts = {language: replace(it, page=pages.get(language, it.page)) for language, it in LAYOUTS.items()}
    for layout in layouts.values():
        layout.pieces()
    return layouts


def spoken(language: str) -> str:
    """The one of our languages that comes nearest to an IETF tag."""
    if language in LAYOUTS:
        return language
    tag = language.lower().replace("_", "-")
    if tag.split("-")[0] not in ("zh", "yue", "cmn"):
        return "en"
    return "zh-Hant" if any(part in ("hant", "tw", "hk", "mo") for part in tag.split("-")) else "zh-Hans"


def as_html(text: str) -> str:
    """A text as HTML: paragraphs, lines, links; everything else is shown as it was written."""
    return _in_paragraphs(escape(text, quote=False) if "://" not in text else _with_links(text))


def markup_as_html(source: str) -> str:
    """A text of `channels.markup` as HTML: with what is emphasised, else as any other."""
    return _in_paragraphs(
        "".join(_with_links(run.text) if not run.styles and run.url is None else html_of(run) for run in runs(source))
    )


def _in_paragraphs(written: str) -> str:
    paragraphs: Sequence[str] = _BLANK_LINES.split(written) if "\n\n" in written or "\n " in written else (written,)
    return "\n".join(["<p>" + paragraph.replace("\n", "<br>\n") + "</p>" for paragraph in paragraphs])


def _with_links(text: str) -> str:
    written: list[str] = []
    end = 0
    for found in _LINK.finditer(text):
        url = found[0].rstrip(_AFTER_LINK)
        while url.endswith((")", "]")) and url.count(url[-1]) > url.count("(" if url[-1] == ")" else "["):
            url = url[:-1].rstrip(_AFTER_LINK)
        if len(url) <= len("https://"):
            continue
        written += [escape(text[end : found.start()], quote=False), f'<a href="{escape(url)}">{escape(url)}</a>']
        end = found.start() + len(url)
    return "".join([*written, escape(text[end:], quote=False)])
