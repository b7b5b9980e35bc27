"""Headers as they are meant: names without case, values unfolded and decoded, whatever was done to them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import getaddresses
from typing import Final

from channels.mail.charsets import decode_header, repaired

_FOLD: Final = re.compile(r"[\r\n]+[ \t]*")
_TOKEN: Final = re.compile(r"[^\s;()\"',]+")
_TYPE: Final = re.compile(r"\s*\"?([A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Who a mail says it is from or to."""

    address: str
    """As it stands there, without comments; may be empty or no address at all."""
    name: str = ""

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>" if self.name else self.address


class Headers:
    """All headers of one part, in order, repeated ones kept."""

    __slots__ = ("_by_name", "raw")

    def __init__(self, raw: Sequence[tuple[str, bytes]]) -> None:
        self.raw = tuple(raw)
        """Names as written, values as they came, folded."""
        self._by_name: dict[str, list[bytes]] = {}
        for name, value in self.raw:
            self._by_name.setdefault(name.lower(), []).append(value)

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._by_name

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Names in lower case, values decoded."""
        for name, value in self.raw:
            yield name.lower(), decode_header(value)

    def get(self, name: str, default: str = "") -> str:
        """The first of that name, unfolded and decoded."""
        found = self._by_name.get(name.lower())
        return decode_header(found[0]) if found else default

    def all(self, name: str) -> tuple[str, ...]:
        """Every one of that name, unfolded and decoded."""
        return tuple(decode_header(value) for value in self._by_name.get(name.lower(), ()))

    def plain(self, name: str) -> str:
        """The first of that name, unfolded, with encoded words as they stand: for what has a grammar."""
        found = self._by_name.get(name.lower())
        return _FOLD.sub(" ", repaired(found[0])).strip() if found else ""

    def token(self, name: str) -> str:
        """The first word of a structured header in lower case, e.g. `base64`, `attachment`, `auto-replied`."""
        found = _TOKEN.search(self.plain(name))
        return found[0].lower() if found else ""

    @property
    def content_type(self) -> str:
        """In lower case, without parameters; empty where none is stated."""
        found = _TYPE.match(self.plain("content-type"))
        return found[1].lower() if found else ""

    def parameter(self, header: str, name: str) -> str | None:
        return self.parameters(header).get(name)

    def parameters(self, header: str) -> Mapping[str, str]:
        from email.message import Message

        message = Message()
        message[header] = self.plain(header)
        found = message.get_params([], header)
        return {key.lower(): value if isinstance(value, str) else value[2] for key, value in found[1:]}

    def people(self, name: str) -> tuple[Person, ...]:
        """Everybody whom an address header names."""
        pairs = getaddresses([self.plain(name)])
        return tuple(
            Person(name=decode_header(who.encode("utf-8", "replace")), address=address)
            for who, address in pairs
            if who or address
        )
