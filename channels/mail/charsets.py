"""Characters: from bytes and what a mail says about them to what was written.

A declaration is believed where it can be true; the families that senders confuse are read as their largest member
(WHATWG Encoding Standard, 4.2). Where it cannot be true: UTF-8 if the bytes are that, else what the bytes look like.
"""

from __future__ import annotations

import re
from encodings.aliases import aliases
from functools import lru_cache
from typing import Final, NamedTuple

from channels.mail.character_sets import FAMILIES, NO_SETS

_HIGH: Final = re.compile(rb"[\x80-\xff]+")
_UTF8: Final = re.compile(rb"(?:[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3})+")
_ESCAPES: Final = re.compile(rb"\x1b(\$[@B]|\$\([DOQ]|\([BJI]|\$\)[ACG])")
_JIS: Final = re.compile(rb"\x1b(\$[@B]|\$\(D|\([A-Z])")
_SHIFTED: Final = re.compile(rb"\x0e([^\x0f\r\n]*)\x0f?")
_DESIGNATION: Final = re.compile(rb"\x1b\$?[()*+]?[A-Z]")
_CONTROLS: Final = re.compile("[\x80-\x9f]")
_REPLACEMENT: Final = "\ufffd"
_WESTERN: Final = "cp1252"
_TYPICAL_OF_UTF8: Final = 4
"""So many characters that are valid UTF-8 are no accident, in two bytes each by any other set."""
_LOOKED_AT: Final = 16 * 1024
"""Bytes that say enough about all."""


class Reading(NamedTuple):
    """What bytes say."""

    text: str
    repaired: bool
    """It is not what the declaration gives."""


def read(content: bytes, declared: str | None) -> Reading:
    """The text of bytes of which a character set is declared, or none. Never fails."""
    name = codec(declared)
    if content.isascii() and b"\x1b" not in content and name not in _SEVEN_BIT:
        return Reading(content.decode("ascii"), repaired=False)
    if content[:2] in {b"\xff\xfe", b"\xfe\xff"} and len(content) % 2 == 0:
        return Reading(content.decode("utf-16", "replace"), repaired=not (name or "").startswith("utf_16"))
    content = content.removeprefix(b"\xef\xbb\xbf")
    if name is None or name == "ascii":
        return Reading(_undeclared(content), repaired=True)
    return _declared(content, name)


def guess(content: bytes) -> str:
    """The text of bytes of which nothing is declared."""
    return read(content, None).text


@lru_cache(maxsize=256)
def codec(declared: str | None) -> str | None:
    """Python's codec for what a mail calls its character set; None where that says nothing."""
    if not declared:
        return None
    label = re.sub(r"[^a-z0-9]+", "_", declared[:100].split(";")[0].lower()).strip("_")
    if label in NO_SETS:
        return None
    for each in (label, label.removeprefix("x_"), label.removeprefix("cs")):
        if each in FAMILIES:
            return FAMILIES[each]
        known = aliases.get(each, each)
        if known in _TEXT_CODECS:
            return FAMILIES.get(known, known)
    return None


_TEXT_CODECS: Final = frozenset(aliases.values()) - {
    "base64_codec", "bz2_codec", "hex_codec", "quopri_codec", "rot_13", "uu_codec", "zlib_codec", "mbcs",
}  # fmt: skip
_SEVEN_BIT: Final = frozenset({
    "utf_7", "hz", "iso2022_jp", "iso2022_kr", "iso2022_cn", "utf_16", "utf_16_le", "utf_16_be", "utf_32", "utf_32_le",
    "utf_32_be", "cp037", "cp500", "cp1140",
})  # fmt: skip
"""In these, bytes that look like ASCII may be something else."""
_SINGLE_BYTE: Final = ("cp125", "iso8859", "latin", "koi8", "mac_", "cp8", "cp4", "cp7", "hp_roman8")


def _declared(content: bytes, name: str) -> Reading:
    if name in _SPECIAL:
        return _SPECIAL[name](content)
    if b"\x1b" in content and content.isascii() and name not in _SEVEN_BIT and _ESCAPES.search(content):
        return Reading(_iso_2022_jp(content).text, repaired=True)
    try:
        text = content.decode(name)
    except (UnicodeDecodeError, ValueError):
        return _contradicted(content, name)
    if name != "utf_8" and _is_rather_utf8(content, name):
        return Reading(content.decode("utf-8"), repaired=True)
    if name in _LATIN and _is_hardly_latin(content):
        return Reading(_looking_like(content), repaired=True)
    return Reading(text, repaired=False)


def _contradicted(content: bytes, name: str) -> Reading:
    """The declaration is not true of every byte: of most, perhaps, or it is another set altogether."""
    if _utf8(content) is not None:
        return Reading(content.decode("utf-8"), repaired=True)
    if name == "utf_8":
        mixed = _mostly_utf8(content)
        return Reading(_undeclared(content) if mixed is None else mixed, repaired=True)
    for wider in _WIDER.get(name, ()):
        try:
            return Reading(content.decode(wider), repaired=wider not in _KIN)
        except UnicodeDecodeError:
            continue
    text = content.decode(name, "replace")
    wrong = text.count(_REPLACEMENT)
    right = sum(map(len, re.findall(r"[^\x00-\x7f\ufffd]+", text)))
    if wrong * 8 <= right:
        return Reading(text, repaired=True)
    return Reading(_undeclared(content), repaired=True)


_WIDER: Final = {
    "cp950": ("big5hkscs", "gb18030"),
    "big5hkscs": ("cp950", "gb18030"),
    "euc_jp": ("euc_jis_2004", "cp932"),
    "cp932": ("shift_jis_2004", "euc_jp"),
    "gb18030": ("cp950",),
    "cp949": ("johab",),
}
"""Where a character is not in the set declared, it is in one of these if all others are, too."""
_KIN: Final = frozenset({"big5hkscs", "cp950", "euc_jis_2004", "shift_jis_2004"})
"""Of the same family: no other declaration would be truer."""


def _undeclared(content: bytes) -> str:
    text = _utf8(content)
    if text is not None:
        return _japanese_mail(content) if _ESCAPES.search(content) else text
    mixed = _mostly_utf8(content)
    return _looking_like(content) if mixed is None else mixed


def likely(content: bytes, declared: str | None) -> str | None:
    """The codec of bytes that stand without a declaration of their own (headers, mostly), in a mail that declares
    another somewhere; None: there is nothing to tell."""
    if content.isascii():
        return None
    if _utf8(content) is not None:
        return "utf_8"
    name = codec(declared)
    if name is None or name in {"ascii", "utf_8"}:
        return _detected(content)
    try:
        content.decode(name)
    except (UnicodeDecodeError, LookupError):
        return _detected(content)
    return _detected(content) if name in _LATIN and _is_hardly_latin(content) else name


def _detected(content: bytes) -> str:
    import chardet  # costs a few megabytes, and most mails never need it

    return codec(chardet.detect(_telling(content))["encoding"]) or _WESTERN


def _looking_like(content: bytes) -> str:
    text = content.decode(_detected(content), "replace")
    return content.decode(_WESTERN, "replace") if _CONTROLS.search(text) else text


def _telling(content: bytes) -> bytes:
    """The lines with other characters: among much ASCII they would be too few to tell anything."""
    lines = (line for line in content[: 64 * _LOOKED_AT].split(b"\n") if not line.isascii())
    return b"\n".join(lines)[:_LOOKED_AT] or content[-_LOOKED_AT:]


def _utf8(content: bytes) -> str | None:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _mostly_utf8(content: bytes) -> str | None:
    """UTF-8 with a few bytes that are none: a text cut within a character, or a footer in another set."""
    right = sum(map(len, _UTF8.findall(content)))
    high = sum(map(len, _HIGH.findall(content)))
    if not right or (high - right) * 4 > right:
        return None
    return content.decode("utf-8", "replace")


def _is_rather_utf8(content: bytes, name: str) -> bool:
    """Bytes that are valid UTF-8 although another set is declared, in which they would be valid as well."""
    text = _utf8(content)
    if text is None or text.isascii():
        return False
    if name.startswith(_SINGLE_BYTE):
        return True
    return sum(map(len, re.findall(r"[^\x00-\x7f]+", text))) >= _TYPICAL_OF_UTF8


def _is_hardly_latin(content: bytes) -> bool:
    """No language in Latin letters has so many that are not ASCII: Chinese, Russian or Greek by a program that declares
    its own country's set."""
    high = sum(map(len, _HIGH.findall(content)))
    return high >= _TELLING and high * 2 > len(content) - content.count(b" ")


_LATIN: Final = frozenset({"cp1250", "cp1252", "cp1254", "cp1257", "iso8859_2", "iso8859_15"})
_TELLING: Final = 8
"""High bytes below which their share says nothing."""


def _japanese_mail(content: bytes) -> str:
    return _iso_2022_jp(content).text


def _iso_2022_jp(content: bytes) -> Reading:
    """RFC 1468, and what Windows writes under its name: half-width katakana, the NEC and IBM characters."""
    for name in ("iso2022_jp", "iso2022_jp_ext"):
        try:
            return Reading(content.decode(name), repaired=False)
        except UnicodeDecodeError:
            continue
    pieces = _JIS.split(content)
    if len(pieces) == 1:
        return Reading(_undeclared(content.replace(b"\x1b", b"")), repaired=True)
    text = [pieces[0].decode("cp932", "replace")]
    for escape, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        match escape:
            case b"$@" | b"$B":
                text.append(_shifted_jis(piece))
            case b"(I":
                text.append(
                    bytes(byte | 0x80 if 0x21 <= byte <= 0x5F else byte for byte in piece).decode("cp932", "replace")
                )
            case _:
                text.append(piece.decode("cp932", "replace"))
    return Reading("".join(text), repaired=True)


def _shifted_jis(piece: bytes) -> str:
    """JIS X 0208 rows and cells as Windows' Shift JIS, which has the vendors' rows, too."""
    shifted = bytearray()
    at = 0
    while at < len(piece):
        row = piece[at]
        if not 0x21 <= row <= 0x7E or at + 1 >= len(piece):
            shifted.append(row)
            at += 1
            continue
        cell = piece[at + 1]
        lead = (row - 0x21) // 2 + 0x81
        shifted.append(lead if lead <= 0x9F else lead + 0x40)
        shifted.append((cell + 0x1F + (cell >= 0x60)) & 0xFF if row % 2 else (cell + 0x7E) & 0xFF)
        at += 2
    return shifted.decode("cp932", "replace")


def _iso_2022_cn(content: bytes) -> Reading:
    """RFC 1922, the part with GB 2312, which is what is written."""
    raised = _SHIFTED.sub(lambda found: bytes(byte | 0x80 for byte in found[1]), content)
    return Reading(_DESIGNATION.sub(b"", raised).decode("gb18030", "replace"), repaired=False)


def _iso_2022_kr(content: bytes) -> Reading:
    """RFC 1557; the designation that shall stand at the beginning is often missing."""
    raised = _SHIFTED.sub(lambda found: bytes(byte | 0x80 for byte in found[1]), content)
    return Reading(_DESIGNATION.sub(b"", raised).decode("cp949", "replace"), repaired=False)


def _utf_7(content: bytes) -> Reading:
    try:
        return Reading(content.decode("utf-7"), repaired=False)
    except UnicodeDecodeError:
        return Reading(_undeclared(content), repaired=True)


def _hz(content: bytes) -> Reading:
    try:
        return Reading(content.decode("hz"), repaired=False)
    except UnicodeDecodeError:
        return Reading(_undeclared(content), repaired=True)


_SPECIAL: Final = {
    "iso2022_jp": _iso_2022_jp,
    "iso2022_cn": _iso_2022_cn,
    "iso2022_kr": _iso_2022_kr,
    "utf_7": _utf_7,
    "hz": _hz,
}
