"""Numbers and senders: what may stand where a phone number is expected, and who can be answered.

Addresses: `tel:+8613800138000` for a number in E.164 (RFC 3966), `sms:10086` for a short code and `sms:ACME` for a
sender's name: these two mean nothing outside the network they came from, and no person reads what is sent there.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType, timezone

from channels.request import Unreadable

_FOREIGN_DIGITS: Final = 8
"""Digits from which a number without a plus may already hold its country code."""
_SHORT_CODE: Final = re.compile(r"\d{3,8}")
_SENDER_NAME: Final = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 ._&+-]{1,16}")
"""3GPP TS 23.040, 9.1.2.5: eleven septets; some networks allow a few more."""


class SenderKind(StrEnum):
    """What kind of sender wrote."""

    NUMBER = "number"  # a subscriber: somebody reads what we answer
    SHORT_CODE = "short_code"  # a service inside one network
    NAME = "name"  # letters instead of a number: there is no way back


@dataclass(frozen=True, kw_only=True, slots=True)
class Sender:
    """Who a text came from, or goes to."""

    kind: SenderKind
    address: str

    @property
    def can_reply(self) -> bool:
        return self.kind is SenderKind.NUMBER


def person(written: str, region: str | None = None) -> str:
    """The address of who wrote: a number, or a service's short code (`inspect` marks what it writes as automatic).
    Raises Unreadable for what is neither: a name cannot be answered, and anybody can write under any."""
    found = sender(written, region)
    if found is None or found.kind is SenderKind.NAME:
        raise Unreadable("the sender is not a possible number")
    return found.address


def sender(written: str, region: str | None = None) -> Sender | None:
    """What stands in a sender's place; None: nothing that a network would put there."""
    if (number := e164(written, region)) is not None:
        return Sender(kind=SenderKind.NUMBER, address=f"tel:{number}")
    plain = unicodedata.normalize("NFKC", written).strip()
    if _SHORT_CODE.fullmatch(plain):
        return Sender(kind=SenderKind.SHORT_CODE, address=f"sms:{plain}")
    if _SENDER_NAME.fullmatch(plain):
        return Sender(kind=SenderKind.NAME, address=f"sms:{plain}")
    return None


def e164(written: str, region: str | None = None) -> str | None:
    """A possible number in E.164; None: it is none. Providers write them with and without the plus, so that digits
    alone are a number of `region` if they can be one, and else one with its country code."""
    plain = unicodedata.normalize("NFKC", written).strip()
    digits = plain.isascii() and plain.isdigit()
    national = None if region is None else _valid(plain, region)
    if national is not None or not digits:
        return national or _possible(plain, region)
    if len(plain) < _FOREIGN_DIGITS:
        return None
    return _valid(f"+{plain}", None) or (_possible(plain, region) if region else None) or _possible(f"+{plain}", None)


def _valid(written: str, region: str | None) -> str | None:
    number = _parsed(written, region)
    return _formatted(number) if number is not None and phonenumbers.is_valid_number(number) else None


def _possible(written: str, region: str | None) -> str | None:
    number = _parsed(written, region)
    return _formatted(number) if number is not None and phonenumbers.is_possible_number(number) else None


def _parsed(written: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        number = phonenumbers.parse(written, region)
        if not number.italian_leading_zero or phonenumbers.is_valid_number(number):
            return number
        # Jersey and Man share Britain's country code: a number that is none of theirs is read as Britain reads it,
        # where the zero in front is the way out of town and no part of the number.
        return phonenumbers.parse(written, phonenumbers.region_code_for_country_code(number.country_code or 0))
    except NumberParseException:
        return None


def _formatted(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@dataclass(frozen=True, kw_only=True, slots=True)
class Numbered:
    """All that a number tells about itself."""

    e164: str
    valid: bool
    possible: bool
    type: str
    """As libphonenumber calls it: `MOBILE`, `FIXED_LINE`, `FIXED_LINE_OR_MOBILE`, `TOLL_FREE`, … or `UNKNOWN`."""
    region: str | None
    """ISO 3166; None: it belongs to none, as satellite networks do not."""
    time_zones: tuple[str, ...]
    """Where its owner may live; `Etc/Unknown` alone: anywhere."""
    extension: str | None


def describe(written: str, region: str | None = None) -> Numbered | None:
    """What is known of a number; None: it is none."""
    number = _parsed(written, region)
    if number is None:
        return None
    return Numbered(
        e164=_formatted(number),
        valid=phonenumbers.is_valid_number(number),
        possible=phonenumbers.is_possible_number(number),
        type=PhoneNumberType.to_string(phonenumbers.number_type(number)),
        region=phonenumbers.region_code_for_number(number),
        time_zones=tuple(timezone.time_zones_for_number(number)),
        extension=number.extension or None,
    )
