"""What is emphasised, as Telegram wants it: spans beside the text, in UTF-16 code units.

Source: https://core.telegram.org/bots/api#messageentity. Unlike a parse mode they survive the parting of a long text,
and no word of anybody can break them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from channels.cleaning import clean
from channels.envelope import OutboundMessage
from channels.markup import Style, runs
from channels.telegram.text import split, units

_TYPES: Final[Mapping[Style, str]] = {
    Style.BOLD: "bold",
    Style.ITALIC: "italic",
    Style.STRUCK: "strikethrough",
    Style.TYPED: "code",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """A stretch of a text that looks or leads somewhere."""

    start: int
    end: int
    """In characters."""
    type: str
    url: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """A message's words, without blanks around them, and what is emphasised in them."""

    text: str
    spans: Sequence[Span] = ()

    @classmethod
    def of(cls, message: OutboundMessage) -> Said:
        if message.markup is None:
            return cls(text=clean(message.text).strip())
        text, spans = "", list[Span]()
        for run in runs(clean(message.markup).strip()):
            start, text = len(text), text + run.text
            spans += [Span(start=start, end=len(text), type=_TYPES[style]) for style in _allowed(run.styles)]
            if run.url is not None and Style.TYPED not in run.styles:
                spans.append(Span(start=start, end=len(text), type="text_link", url=run.url))
        return cls(text=text, spans=spans)

    def parts(self) -> Iterator[Said]:
        """As many messages as it takes, each with its own spans."""
        end = 0
        for part in split(self.text):
            start = self.text.index(part, end)
            end = start + len(part)
            yield Said(text=part, spans=[_within(span, start, end) for span in self.spans if _meets(span, start, end)])

    def entities(self) -> list[dict[str, object]]:
        """As fields of MessageEntity."""
        return [
            {
                "type": span.type,
                "offset": units(self.text[: span.start]),
                "length": units(self.text[span.start : span.end]),
                **({"url": span.url} if span.url else {}),
            }
            for span in self.spans
        ]


def _allowed(styles: Sequence[Style]) -> Sequence[Style]:
    """What is typed letter for letter cannot be anything else as well."""
    return (Style.TYPED,) if Style.TYPED in styles else styles


def _meets(span: Span, start: int, end: int) -> bool:
    return span.start < end and start < span.end


def _within(span: Span, start: int, end: int) -> Span:
    return Span(start=max(span.start, start) - start, end=min(span.end, end) - start, type=span.type, url=span.url)
