"""The words of a mail, as plain text and as HTML, with what they answer and the way out below."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Final
from zoneinfo import ZoneInfo

from channels.cleaning import clean
from channels.envelope import OutboundMessage, Quoted
from channels.mail.bodies import text_part
from channels.mail.fields import one_line
from channels.mail.layout import Layout, as_html, markup_as_html

LONGEST_QUOTE: Final = 10_000
"""Characters of an earlier message that are repeated below its answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """A Layout, taken apart once."""

    layout: Layout
    pieces: tuple[str, str, str, str]


def alternatives(
    message: OutboundMessage, page: Page, mac: str, *, zone: ZoneInfo, about: str, way_out: str | None
) -> bytes:
    """The body with its Content-Type. `zone`: by whose clock what is quoted was written; `about`: who the business is,
    said with `way_out`, which every marketing mail has. `mac` makes the boundary."""
    text = _lines(message.text)
    quoted = message.quoted
    plain, above = text, ""
    if quoted is not None:
        above = page.layout.attribution(one_line(quoted.author), quoted.at, zone)
        plain = f"{plain}\n\n{above}\n{_as_quote(_repeated(quoted))}"
    if way_out is not None:
        house = f"{_lines(about)}\n" if about else ""
        plain = f"{plain}\n\n-- \n{house}{page.layout.unsubscribe}: {way_out}"
    head, between, after, end = page.pieces
    html = "".join(
        [
            head,
            as_html(text) if message.markup is None else markup_as_html(_lines(message.markup)),
            between,
            _html_quote(above, quoted) if quoted is not None else "",
            after,
            _footer(page.layout, about, way_out) if way_out is not None else "",
            end,
        ]
    )
    plain_encoding, plain_content = text_part(plain)
    html_encoding, html_content = text_part(html)
    boundary = f"=_a{mac}".encode()
    return b"".join(
        [
            b'Content-Type: multipart/alternative;\r\n boundary="',
            boundary,
            b'"\r\n\r\n--',
            boundary,
            b"\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: ",
            plain_encoding,
            b"\r\n\r\n",
            plain_content,
            b"\r\n--",
            boundary,
            b"\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: ",
            html_encoding,
            b"\r\n\r\n",
            html_content,
            b"\r\n--",
            boundary,
            b"--\r\n",
        ]
    )


def _lines(text: str) -> str:
    """With line feeds alone, without the blank lines at the end."""
    return clean(text).replace("\r\n", "\n").replace("\r", "\n").rstrip()


def _repeated(quoted: Quoted) -> str:
    text = _lines(quoted.text)
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE].rstrip()}\n[…]"


def _as_quote(text: str) -> str:
    return "\n".join([f">{line}" if line.startswith(">") or not line else f"> {line}" for line in text.split("\n")])


def _html_quote(above: str, quoted: Quoted) -> str:
    return (
        f"<div><p>{escape(above, quote=False)}</p>\n"
        '<blockquote type="cite" style="margin:0 0 0 8px;padding-left:8px;border-left:2px solid #ccc">\n'
        f"{as_html(_repeated(quoted))}\n</blockquote></div>"
    )


def _footer(layout: Layout, about: str, way_out: str) -> str:
    about = escape(_lines(about)).replace("\n", "<br>\n")
    return (
        f'<p style="max-width:640px;border-top:1px solid #ddd;padding-top:8px;font-size:12px;color:#666">'
        f'{about}{"<br>" if about else ""}<a href="{escape(way_out)}">{layout.unsubscribe}</a></p>'
    )
