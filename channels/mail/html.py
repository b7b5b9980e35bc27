"""What a reader sees of HTML, as plain text: nothing hidden, nothing that runs, links with their targets, quotes marked
with `> ` as in any plain mail, so that one set of rules tells what was written now.

The tree is lexbor's (HTML 5), which a few hostile sources could make as large as their square: those are read without.
"""

from __future__ import annotations

import html as standard
import re
from collections.abc import Mapping
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

from channels.mail.html_writer import Place, Writer

_TAG: Final = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*)")
_TOKEN: Final = re.compile(r"<!--.*?(?:-->|\Z)|<[^<>]*>|[^<]+|<", re.DOTALL)
_UNSEEN: Final = frozenset(
    {"head", "script", "style", "title", "template", "select", "datalist", "svg", "math", "object", "embed", "iframe",
     "frame", "frameset", "audio", "video", "canvas", "map", "meta", "link", "base", "!doctype", "-comment", "input"}
)  # fmt: skip
_PARAGRAPHS: Final = frozenset(
    {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "table", "pre", "blockquote", "figure"}
)
_BLOCKS: Final = _PARAGRAPHS | {
    "div", "tr", "li", "dt", "dd", "section", "article", "header", "footer", "main", "nav", "aside", "center",
    "address", "form", "fieldset", "caption", "tbody", "thead", "tfoot", "details", "summary", "figcaption", "body",
    "html", "hr", "legend", "textarea",
}  # fmt: skip
_FORMATTING: Final = frozenset(
    {"a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"}
)
_NEVER_DEEP: Final = frozenset(
    {"br", "img", "hr", "input", "meta", "link", "col", "area", "base", "wbr", "p", "li", "td", "th", "tr", "dt", "dd",
     "option", "tbody", "thead", "tfoot", "colgroup"}
)  # fmt: skip
"""Void, or closed by the next of their kind."""
_HIDDEN: Final = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all|font-size\s*:\s*0(?:px|pt|em|%)?\s*(?:;|!|$)"
    r"|max-height\s*:\s*0(?:px)?\s*(?:;|!|$)|opacity\s*:\s*0(?:\.0+)?\s*(?:;|!|$)",
    re.IGNORECASE,
)
_PREFORMATTED: Final = re.compile(r"white-space\s*:\s*pre", re.IGNORECASE)
_NO_BORDER: Final = re.compile(r"border(?:-left)?\s*:\s*(?:none|0(?:px)?\b)", re.IGNORECASE)
_SEPARATOR: Final = re.compile(
    r"border-top\s*:\s*(?:solid\s+#(?:E1E1E1|B5C4DF)|#(?:E1E1E1|B5C4DF)\s+1(?:\.0)?pt\s+solid)", re.IGNORECASE
)
"""The line that Outlook draws above what it answers."""
_QUOTED: Final = frozenset({"yahoo_quoted", "isreplycontent", "origbody", "reply-intro-quoted", "hmquote"})
"""Classes and ids of what clients put around a quote, where they use no blockquote."""
_ANSWERED: Final = frozenset({"divrplyfwdmsg", "x_divrplyfwdmsg", "mail-editor-reference-message-container"})
"""Ids of the lines that name the mail below (Outlook on the web and on phones)."""
_SIGNATURES: Final = frozenset({
    "gmail_signature", "moz-signature", "signature", "x_signature", "ms-outlook-mobile-signature", "applemailsignature",
    "protonmail_signature_block", "zmail_signature", "zm_signature", "tutanota_signature", "yahoo_signature",
    "foxmail_signature", "ntes-mail-signature", "spark_signature", "lotus_signature",
})  # fmt: skip
_LONGEST_TARGET: Final = 2_000
_TINY: Final = re.compile(r"\s*[01](?:px)?\s*\Z")
_MANY: Final = 2_000
"""Tags below which no nesting can cost much."""


def text_of(source: str) -> str:
    """The text that a reader sees."""
    writer = Writer()
    if _could_explode(source):
        _skim(source, writer)
    else:
        _walk(LexborHTMLParser(source).root, writer)
    return writer.text


def _could_explode(source: str) -> bool:
    """Elements that stay open are opened again in every paragraph, and every tag looks through the open ones: the work
    grows with the product (WHATWG HTML, 13.2.4.3, "reconstruct the active formatting elements")."""
    tags = source.count("<")
    if tags < _MANY:
        return False
    depth = deepest = formatting = most = 0
    for closing, name in _TAG.findall(source):
        name = name.lower()
        if name in _NEVER_DEEP:
            continue
        step = -1 if closing else 1
        depth = max(0, depth + step)
        deepest = max(deepest, depth)
        if name in _FORMATTING:
            formatting = max(0, formatting + step)
            most = max(most, formatting)
    return most * tags > 2_000_000 or deepest * tags > 40_000_000 or deepest > 5_000


def _skim(source: str, writer: Writer) -> None:
    """Without a tree: tags dropped, what is in scripts and styles too."""
    unseen: str | None = None
    for token in _TOKEN.findall(source):
        tag = _TAG.match(token)
        name = tag[2].lower() if tag else ""
        if unseen is not None:
            if tag and tag[1] and name == unseen:
                unseen = None
        elif tag is None:
            if not token.startswith("<"):
                writer.write(standard.unescape(token))
        elif name in {"script", "style", "title", "template"}:
            unseen = name
        elif name == "br":
            writer.newline()
        elif name in _BLOCKS:
            writer.block(blank=name in _PARAGRAPHS)


def _walk(root: LexborNode | None, writer: Writer) -> None:
    """Depth first, without recursion: mails nest deeper than Python does."""
    walk = _Walk(writer)
    node = root
    depth = 0
    while node is not None:
        child = node.first_child if walk.enter(node) else None
        if child is not None:
            node, depth = child, depth + 1
            continue
        while node is not None:
            walk.leave(node)
            following = node.next if depth else None
            if following is not None:
                node = following
                break
            node, depth = (node.parent, depth - 1) if depth else (None, 0)


class _Walk:
    """Where we are in the tree, as far as what is written depends on it."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._closing: dict[int, list[str]] = {}
        """What has to be undone when an element ends, by its identity."""
        self._lists: list[int | None] = []
        """The number of the next item of each list around; None: bullets."""
        self._links: list[tuple[str, Place]] = []

    def enter(self, node: LexborNode) -> bool:
        """Begin an element or write a text; False where nobody shall look inside."""
        tag = node.tag
        if tag == "-text":
            self._writer.write(node.text_content or "")
            return False
        if tag in _UNSEEN:
            return False
        if tag == "br":
            self._writer.newline()
            return False
        attributes = node.attributes
        if attributes and _is_hidden(attributes):
            return False
        if tag == "img":
            self._image(attributes)
            return False
        if tag == "hr":
            self._writer.rule()
            return False
        undo: list[str] = []
        self._begin(tag or "", attributes, undo)
        if undo:
            self._closing[node.mem_id] = undo
        return True

    def leave(self, node: LexborNode) -> None:
        """End an element."""
        for what in reversed(self._closing.pop(node.mem_id, ())):
            match what:
                case "block":
                    self._writer.block()
                case "paragraph":
                    self._writer.block(blank=True)
                case "quote":
                    self._writer.unquote()
                case "list":
                    self._lists.pop()
                    self._writer.outdent()
                case "pre":
                    self._writer.preformatted -= 1
                case "link":
                    self._target()
                case _:
                    raise AssertionError(what)

    def _begin(self, tag: str, attributes: Mapping[str, str | None], undo: list[str]) -> None:
        marks = _marks(attributes)
        style = attributes.get("style") or ""
        if tag in _BLOCKS:
            self._block(tag, style, marks, undo)
        if marks & _SIGNATURES:
            self._writer.signature()
        if marks & _ANSWERED or (style and _SEPARATOR.search(style)):
            self._writer.rule()
        if (tag == "blockquote" and not _NO_BORDER.search(style)) or marks & _QUOTED:
            self._writer.quote()
            undo.append("quote")
        if tag in {"ul", "ol"}:
            self._lists.append(_first_number(attributes) if tag == "ol" else None)
            self._writer.indent(nested=len(self._lists) > 1)
            undo.append("list")
        elif tag == "li":
            self._item()
        elif tag in {"td", "th"}:
            self._writer.cell()
        elif tag == "a":
            self._links.append((attributes.get("href") or "", self._writer.place))
            undo.append("link")
        if tag in {"pre", "textarea"} or (style and _PREFORMATTED.search(style)):
            self._writer.preformatted += 1
            undo.append("pre")

    def _block(self, tag: str, style: str, marks: frozenset[str], undo: list[str]) -> None:
        # Outlook writes every line as a paragraph without margins.
        blank = tag in _PARAGRAPHS and "msonormal" not in marks and not re.search(r"margin(?:-bottom)?\s*:\s*0", style)
        if tag in {"ul", "ol"} and self._lists:
            blank = False
        self._writer.block(blank=blank)
        undo.append("paragraph" if blank else "block")

    def _item(self) -> None:
        number = self._lists[-1] if self._lists else None
        if number is None:
            self._writer.mark("- ")
        else:
            self._writer.mark(f"{number}. ")
            self._lists[-1] = number + 1

    def _image(self, attributes: Mapping[str, str | None]) -> None:
        alt = " ".join((attributes.get("alt") or "").split())
        if alt and not any(_TINY.match(attributes.get(side) or "") for side in ("width", "height")):
            self._writer.write(f"[{alt[:300]}]")

    def _target(self) -> None:
        """Where a link leads, unless that is what it says."""
        href, since = self._links.pop()
        said = self._writer.since(since)
        target = "".join(href.split())[:_LONGEST_TARGET]
        if not said or not re.match(r"(?:https?://|mailto:|tel:|ftp://)", target, re.IGNORECASE):
            return
        plain = re.sub(r"^(?:mailto:|tel:)", "", target, flags=re.IGNORECASE)
        if _bare(plain) not in {_bare(said), ""} and _bare(plain.partition("?")[0]) != _bare(said):
            self._writer.write(f" <{plain}>")


def _bare(target: str) -> str:
    bare = "".join(standard.unescape(target[: 2 * _LONGEST_TARGET]).lower().split()).rstrip("/")
    return bare.removeprefix("http://").removeprefix("https://").removeprefix("www.")


def _is_hidden(attributes: Mapping[str, str | None]) -> bool:
    style = attributes.get("style")
    return "hidden" in attributes or (style is not None and _HIDDEN.search(style) is not None)


def _marks(attributes: Mapping[str, str | None]) -> frozenset[str]:
    """Classes, id and name, in lower case."""
    if not attributes:
        return frozenset()
    stated = (attributes.get(name) for name in ("class", "id", "name"))
    return frozenset(mark for value in stated if value for mark in value.lower().split())


def _first_number(attributes: Mapping[str, str | None]) -> int:
    start = attributes.get("start") or "1"
    return int(start) if start.isascii() and start.isdigit() and len(start) < 7 else 1
