"""`winmail.dat`: what Outlook packs into one attachment, unpacked (MS-OXTNEF; properties by MS-OXPROPS).

Broken ones give what could be read of them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, NamedTuple

from channels.mail.charsets import codec, read

SIGNATURE: Final = b"\x78\x9f\x3e\x22"
CONTENT_TYPES: Final = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})


class _Is(IntEnum):
    """Attributes of TNEF."""

    BODY = 0x800C  # plain, in the code page
    ATTACHMENT_DATA = 0x800F
    ATTACHMENT_TITLE = 0x8010
    ATTACHMENT_BEGINS = 0x9002  # how it is drawn; the first of each attachment
    MESSAGE_PROPERTIES = 0x9003
    ATTACHMENT_PROPERTIES = 0x9005
    CODE_PAGE = 0x9007


class _Has(IntEnum):
    """Properties of MAPI."""

    BODY = 0x1000
    HTML = 0x1013
    DISPLAY_NAME = 0x3001
    DATA = 0x3701  # a file, or a whole message
    FILENAME = 0x3704  # eight and three characters
    LONG_FILENAME = 0x3707
    CONTENT_TYPE = 0x370E
    CONTENT_ID = 0x3712


_FIXED: Final = {0x02: 4, 0x03: 4, 0x04: 4, 0x05: 8, 0x06: 8, 0x07: 8, 0x0A: 4, 0x0B: 4, 0x14: 8, 0x40: 8, 0x48: 16}
"""Bytes of each type of property with one size, filled up to four."""
_STRING, _UNICODE, _BINARY, _OBJECT = 0x1E, 0x1F, 0x102, 0x0D
_MOST: Final = 10_000
"""Attributes and properties that anybody reads."""


@dataclass(kw_only=True, slots=True)
class Packed:
    """One file in it."""

    name: str = ""
    content_type: str = ""
    content: bytes = field(default=b"", repr=False)
    content_id: str | None = None


@dataclass(kw_only=True, slots=True)
class Unpacked:
    """What was in it."""

    text: str = ""
    html: str = ""
    files: list[Packed] = field(default_factory=list[Packed])


class _Attribute(NamedTuple):
    id: int
    content: bytes


class _Property(NamedTuple):
    id: int
    kind: int
    content: bytes


def unpack(content: bytes) -> Unpacked | None:
    """What is in it; None where it is no TNEF, or so broken that there is nothing: then it is kept as it is."""
    if not content.startswith(SIGNATURE):
        return None
    unpacked, charset = Unpacked(), "windows-1252"
    for attribute in _attributes(content):
        match attribute.id:
            case _Is.CODE_PAGE if len(attribute.content) >= 4:
                charset = _charset(struct.unpack_from("<I", attribute.content)[0])
            case _Is.BODY:
                unpacked.text = unpacked.text or _text(attribute.content, charset)
            case _Is.MESSAGE_PROPERTIES:
                _describe(unpacked, attribute.content, charset)
            case _Is.ATTACHMENT_BEGINS:
                unpacked.files.append(Packed())
            case _Is.ATTACHMENT_TITLE if unpacked.files:
                unpacked.files[-1].name = unpacked.files[-1].name or _text(attribute.content, charset)
            case _Is.ATTACHMENT_DATA if unpacked.files:
                unpacked.files[-1].content = attribute.content
            case _Is.ATTACHMENT_PROPERTIES if unpacked.files:
                _describe_file(unpacked.files[-1], attribute.content, charset)
            case _:
                pass
    unpacked.files = [file for file in unpacked.files if file.content or file.name]
    return unpacked if unpacked.files or unpacked.text or unpacked.html else None


def _attributes(content: bytes) -> Iterator[_Attribute]:
    at = len(SIGNATURE) + 2
    for _ in range(_MOST):
        if at + 9 > len(content):
            return
        _level, number, _kind, size = struct.unpack_from("<BHHI", content, at)
        at += 9
        yield _Attribute(number, content[at : at + size])
        at += size + 2


def _charset(code_page: int) -> str:
    name = f"cp{code_page}"
    return name if codec(name) else "windows-1252"


def _text(content: bytes, charset: str) -> str:
    return read(content.rstrip(b"\0"), charset).text


def _describe(unpacked: Unpacked, content: bytes, charset: str) -> None:
    for found in _properties(content):
        if found.id == _Has.BODY:
            unpacked.text = _value(found, charset) or unpacked.text
        elif found.id == _Has.HTML:
            unpacked.html = _value(found, charset)


def _describe_file(file: Packed, content: bytes, charset: str) -> None:
    for found in _properties(content):
        match found.id:
            case _Has.LONG_FILENAME:
                file.name = _value(found, charset) or file.name
            case _Has.FILENAME | _Has.DISPLAY_NAME:
                file.name = file.name or _value(found, charset)
            case _Has.CONTENT_TYPE:
                file.content_type = _value(found, charset).lower()
            case _Has.CONTENT_ID:
                file.content_id = _value(found, charset).strip("<>") or None
            case _Has.DATA if not file.content:
                file.content = found.content[16:] if found.kind == _OBJECT else found.content
            case _:
                pass


def _value(found: _Property, charset: str) -> str:
    if found.kind == _UNICODE:
        return found.content.decode("utf-16-le", "replace").rstrip("\0")
    return _text(found.content, charset)


def _properties(content: bytes) -> Iterator[_Property]:
    """MAPI properties one after the other, each filled up to four bytes."""
    try:
        yield from _read_properties(content)
    except struct.error:
        return  # cut off: what came before was whole


def _read_properties(content: bytes) -> Iterator[_Property]:
    at = 4
    for _ in range(min(_MOST, struct.unpack_from("<I", content)[0])):
        kind, number = struct.unpack_from("<HH", content, at)
        at += 4
        if number >= 0x8000:
            at = _after_name(content, at)
        multiple, kind = kind & 0x1000, kind & 0x0FFF
        count = 1
        if multiple or kind in {_STRING, _UNICODE, _BINARY, _OBJECT}:
            count = struct.unpack_from("<I", content, at)[0]
            at += 4
        for _ in range(min(count, _MOST)):
            if kind in _FIXED:
                size = _FIXED[kind]
            elif kind in {_STRING, _UNICODE, _BINARY, _OBJECT}:
                size = struct.unpack_from("<I", content, at)[0]
                at += 4
            else:
                return
            if at + size > len(content):
                return
            yield _Property(number, kind, content[at : at + size])
            at += -(-size // 4) * 4


def _after_name(content: bytes, at: int) -> int:
    """A property with a name of its own has it here, after the identity of its set."""
    at += 16
    kind = struct.unpack_from("<I", content, at)[0]
    at += 4
    if kind == 0:
        return at + 4
    size = struct.unpack_from("<I", content, at)[0]
    return at + 4 + -(-size // 4) * 4
