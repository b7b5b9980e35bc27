"""A mail put together again from what a provider took it apart into, so that there is one way to read a mail."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email.utils import formataddr
from typing import Final
from urllib.parse import quote

from channels.request import Node

Header = tuple[str, str]

_NAME: Final = re.compile(r"[!-9;-~]+")
_TYPE: Final = re.compile(r"[\w.+-]+/[\w.+-]+", re.ASCII)
_BREAK: Final = re.compile(r"[\r\n\0]+[ \t]*")
_OURS: Final = frozenset(
    {"content-type", "content-transfer-encoding", "mime-version", "content-disposition", "content-id"}
)
"""Headers that described the mail's old form."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AttachedFile:
    """A file of a mail."""

    content: bytes
    content_type: str
    name: str | None = None
    content_id: str | None = None
    """Without angle brackets; a file that has one is shown inside the text."""


def assemble(
    headers: Iterable[Header], text: str | None, html: str | None, files: Sequence[AttachedFile] = ()
) -> bytes:
    """RFC 5322 with the original's headers, its texts in UTF-8, and its files."""
    bodies = [
        _part(f"text/{kind}; charset=utf-8", body.encode("utf-8", "replace"))
        for kind, body in (("plain", text), ("html", html))
        if body
    ]
    whole = bodies[0] if len(bodies) == 1 else _multipart("alternative", bodies) if bodies else b""
    if files:
        whole = _multipart("mixed", [*([whole] if whole else []), *(_file(file) for file in files)])
    head = "".join(_line(name, value) for name, value in headers if name.lower() not in _OURS)
    return f"{head}MIME-Version: 1.0\r\n".encode() + (whole or b"\r\n")


def address(node: Node, *, name: str, email: str) -> str:
    """An address that the provider gives as an object."""
    return formataddr((_BREAK.sub(" ", node.text(name) or ""), _BREAK.sub("", node.text(email) or "")), "utf-8")


def headers_of(node: Node) -> list[Header]:
    """Headers by name, each with one value or several."""
    return [(name, value) for name in node.pairs() for value in node.at(name).texts()]


def split_headers(block: str) -> list[Header]:
    """Headers as they stood in the mail, unfolded."""
    unfolded = re.sub(r"\r?\n[ \t]+", " ", block)
    pairs = (line.partition(":") for line in unfolded.splitlines())
    return [(name.strip(), value.strip()) for name, colon, value in pairs if colon]


def _line(name: str, value: str) -> str:
    return f"{name}: {_BREAK.sub(' ', value).strip()}\r\n" if _NAME.fullmatch(name) else ""


def _multipart(kind: str, parts: Sequence[bytes]) -> bytes:
    boundary = "=_" + hashlib.sha256(b"".join(parts)).hexdigest()[:40]
    body = b"".join(b"--%b\r\n%b\r\n" % (boundary.encode(), part) for part in parts)
    return (
        f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n\r\n'.encode()
        + body
        + f"--{boundary}--\r\n".encode()
    )


def _file(file: AttachedFile) -> bytes:
    content_type = _BREAK.sub(" ", file.content_type) if _TYPE.match(file.content_type) else "application/octet-stream"
    name = f"; filename*=utf-8''{quote(file.name.encode('utf-8', 'replace'))}" if file.name else ""
    headers = f"Content-Disposition: {'inline' if file.content_id else 'attachment'}{name}\r\n"
    if file.content_id:
        headers += f"Content-ID: <{_BREAK.sub('', file.content_id)}>\r\n"
    if content_type.lower().startswith("message/"):
        # RFC 2046, 5.2.1: a mail inside a mail is never encoded.
        return (
            f"Content-Type: {content_type}\r\n{headers}Content-Transfer-Encoding: 8bit\r\n\r\n".encode() + file.content
        )
    return _part(content_type, file.content, headers)


def _part(content_type: str, content: bytes, headers: str = "") -> bytes:
    head = f"Content-Type: {content_type}\r\n{headers}Content-Transfer-Encoding: base64\r\n\r\n"
    return head.encode("utf-8", "replace") + base64.encodebytes(content).replace(b"\n", b"\r\n")
