"""Headers as they are meant: names without case, values unfolded and decoded, whatever was done to them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from channels.cleaning import clean
from channels.mail import addresses, words
from channels.mail.addresses import Person
from channels.mail.dates import instant
from channels.mail.parameters import parameters

__all__ = ["Headers", "Person"]

_TOKEN: Final = re.compile(r"[^\s;()\"',]+")
_TYPE: Final = re.compile(r"[\s\"']*([A-Za-z0-9!#$&^_.+-]+)\s*/\s*([A-Za-z0-9!#$&^_.+-]+)")
_IDENTITY: Final = re.compile(r"<([^<>]*)>")
_SPACE: Final = re.compile(r"\s+")


class Headers:
    """All headers of one part, in order, repeated ones kept."""

    __slots__ = ("_by_name", "_parameters", "hint", "raw")

    def __init__(self, raw: Sequence[tuple[str, bytes]]) -> None:
        self.raw = tuple(raw)
        """Names as written, values as they came, folded."""
        self.hint: str | None = None
        """The character set of raw bytes, if the rest of the mail lets one suppose it (`suppose`)."""
        self._by_name: dict[str, list[bytes]] = {}
        self._parameters: dict[str, Mapping[str, str]] = {}
        for name, value in self.raw:
            self._by_name.setdefault(name.lower(), []).append(value)

    def suppose(self, hint: str | None) -> None:
        """From now on, raw bytes are read in this character set."""
        self.hint = hint
        self._parameters.clear()

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._by_name

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Names in lower case, values decoded."""
        for name, value in self.raw:
            yield name.lower(), self._decoded(value)

    def get(self, name: str, default: str = "") -> str:
        """The first of that name, unfolded and decoded."""
        found = self._by_name.get(name.lower())
        return self._decoded(found[0]) if found else default

    def all(self, name: str) -> tuple[str, ...]:
        """Every one of that name, unfolded and decoded."""
        return tuple(self._decoded(value) for value in self._by_name.get(name.lower(), ()))

    def plain(self, name: str) -> str:
        """The first of that name, unfolded, with encoded words as they stand: for what has a grammar."""
        found = self._by_name.get(name.lower())
        return words.raw(found[0], self.hint) if found else ""

    def token(self, name: str) -> str:
        """The first word of a structured header in lower case, e.g. `base64`, `attachment`, `auto-replied`."""
        found = _TOKEN.search(self.plain(name))
        return found[0].lower() if found else ""

    @property
    def content_type(self) -> str:
        """In lower case, without parameters; empty where none is stated."""
        found = _TYPE.match(self.plain("content-type"))
        return f"{found[1]}/{found[2]}".lower() if found else ""

    def parameter(self, header: str, name: str) -> str | None:
        """One parameter of a structured header, e.g. `filename` of `content-disposition`."""
        return self.parameters(header).get(name)

    def parameters(self, header: str) -> Mapping[str, str]:
        """By name in lower case."""
        name = header.lower()
        if name not in self._by_name:
            return {}
        if name not in self._parameters:
            self._parameters[name] = parameters(self._by_name[name][0], self.hint)
        return self._parameters[name]

    def people(self, name: str) -> tuple[Person, ...]:
        """Everybody whom the address headers of that name name."""
        found = self._by_name.get(name.lower(), ())
        return tuple(person for value in found for person in addresses.people(value, self.hint))

    def identities(self, name: str) -> tuple[str, ...]:
        """What stands in brackets, without them and without spaces: Message-ID, References, Content-ID. Where nothing
        is in brackets, what looks like an identity."""
        value = " ".join(words.raw(each) for each in self._by_name.get(name.lower(), ()))
        found = [_SPACE.sub("", each) for each in _IDENTITY.findall(value)] or [
            each.strip("<>,;") for each in value.split() if "@" in each
        ]
        return tuple(clean(each) for each in found if each)

    def date(self, name: str) -> datetime | None:
        """An instant (UTC); None where there is none that anybody can read."""
        return instant(self.plain(name))

    def _decoded(self, value: bytes) -> str:
        return clean(words.decode(value, self.hint))
