"""Cells: what stands in a table's cell, as a value of ours, or a sentence about what is wrong with it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from email.errors import MessageError
from email.headerregistry import Address as MailAddress
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from nlu.understanding import Language

LONGEST = 500
"""Characters of a cell; what is longer is no name, product or address."""
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
MOST_MONEY = Decimal(10) ** 14
"""Exact amounts are kept as 64-bit numbers of ten-thousandths."""
MOST_PIECES = 10**9
TOMORROW = timedelta(days=1)
"""A business on the other side of the date line may be a day ahead."""

YES = frozenset({"yes", "y", "true", "t", "1", "on", "是", "同意", "有"})
NO = frozenset({"no", "n", "false", "f", "0", "off", "否", "不同意", "无", "無"})

LANGUAGES = {
    "zh": Language.ZH_HANS,
    "zh-cn": Language.ZH_HANS,
    "zh-sg": Language.ZH_HANS,
    "zh-hans": Language.ZH_HANS,
    "zh-hans-cn": Language.ZH_HANS,
    "zh-tw": Language.ZH_HANT,
    "zh-hk": Language.ZH_HANT,
    "zh-mo": Language.ZH_HANT,
    "zh-hant": Language.ZH_HANT,
    "zh-hant-tw": Language.ZH_HANT,
    "zh-hant-hk": Language.ZH_HANT,
    "en": Language.EN,
}
"""IETF tags as they stand in people's files."""

_TABLE_A1 = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP "
    "CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF "
    "IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD "
    "MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB "
    "RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD "
    "UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG"
)
CURRENCIES = frozenset(re.findall(r"[A-Z]{3}", _TABLE_A1))
"""ISO 4217, table A.1 (national currencies)."""

_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?")
_NUMBER = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|[+-]?\.\d+")
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")


class BadCell(Exception):
    """What is wrong with a cell, in words that follow its column's name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Customs:
    """What a file leaves unsaid."""

    region: str
    """ISO 3166 country that phone numbers without a country code belong to."""
    zone: ZoneInfo
    """Of times without an offset."""
    now: datetime


def plain(text: str) -> str:
    """A cell that can be stored."""
    if "\0" in text:
        raise BadCell("holds a NUL byte")
    if "\ufffd" in text:
        raise BadCell("holds bytes that are not in the file's encoding")
    text = text.strip()
    if len(text) > LONGEST:
        raise BadCell(f"has {len(text)} characters; {LONGEST} is the most")
    return text


def required(text: str) -> str:
    if not text:
        raise BadCell("is empty")
    return text


def language(text: str) -> str:
    tag = text.replace("_", "-").lower()
    found = LANGUAGES.get(tag) or LANGUAGES.get(tag.partition("-")[0] if tag.startswith("en-") else tag)
    if found is None:
        raise BadCell(f"is {text!r}; Rapport speaks zh-Hans, zh-Hant and en")
    return found.value


def time_zone(text: str) -> str:
    if text not in _zones():
        raise BadCell(f"is {text!r}, which is no IANA time zone such as Asia/Shanghai")
    return text


def email(text: str) -> str:
    """A mail address as an Address URI. RFC 5321 limits, one mailbox, a domain that could exist."""
    try:
        address = MailAddress(addr_spec=text)
        domain = address.domain.encode("idna").decode().lower()
    except (MessageError, ValueError, IndexError, AttributeError) as error:
        raise BadCell(f"is {_shown(text)}, which is no e-mail address") from error
    labels = domain.split(".")
    local = address.username
    sound = len(local.encode()) <= 64 and len(domain) <= 253 and len(labels) > 1
    plausible = not re.search(r'[\s"<>()\[\],;:\\]', local) and not labels[-1].isdigit()
    if not local or not sound or not plausible or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadCell(f"is {_shown(text)}, which is no e-mail address")
    return f"mailto:{local.lower()}@{domain}"


def phone(text: str, region: str) -> str:
    """A phone number as an Address URI in E.164."""
    import phonenumbers

    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as error:
        raise BadCell(f"is {_shown(text)}, which is no phone number") from error
    if not phonenumbers.is_valid_number(number):
        raise BadCell(f"is {_shown(text)}, which is no number that is in use in its country (assumed {region})")
    return f"tel:{phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)}"


def yes_or_no(text: str) -> bool:
    word = text.lower()
    if word in YES:
        return True
    if word in NO:
        return False
    raise BadCell(f"is {_shown(text)}; write yes or no")


def instant(text: str, customs: Customs) -> datetime:
    """A date or a time, year first; without an offset it is the business's own."""
    try:
        found = _parsed(text)
        moment = found if found.tzinfo is not None else found.replace(tzinfo=customs.zone)
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadCell(f"is {_shown(text)}, which is no date; write it as 2026-03-31 or 2026-03-31T14:05") from error
    if moment < EARLIEST:
        raise BadCell(f"is {_shown(text)}, before 1900")
    if moment > customs.now + TOMORROW:
        raise BadCell(f"is {_shown(text)}, which is yet to come")
    return moment


def past(text: str, customs: Customs) -> datetime:
    """Like `instant`, to the minute: what somebody said has been said."""
    moment = instant(text, customs)
    if moment > customs.now:
        raise BadCell(f"is {_shown(text)}, which is yet to come")
    return moment


def money(text: str) -> Decimal:
    """An exact amount with a decimal point, at most four decimals."""
    if not _NUMBER.fullmatch(text) or not text.isascii():
        raise BadCell(f"is {_shown(text)}, which is not a number")
    try:
        amount = Decimal(text.replace(",", ""))
    except InvalidOperation as error:
        raise BadCell(f"is {_shown(text)}, which is not a number") from error
    if abs(amount) >= MOST_MONEY:
        raise BadCell(f"is {_shown(text)}, more than can be kept")
    if amount != round(amount, 4):
        raise BadCell(f"is {_shown(text)}; more than four decimals would be lost")
    return amount


def currency(text: str) -> str:
    code = text.upper()
    if code not in CURRENCIES:
        raise BadCell(f"is {_shown(text)}, which is no ISO 4217 code such as CNY")
    return code


def quantity(text: str) -> int:
    amount = money(text)
    if amount < 0:
        raise BadCell(f"is {text}; a quantity is not negative")
    if amount != int(amount) or amount > MOST_PIECES:
        raise BadCell(f"is {text}; a quantity is a whole number up to {MOST_PIECES}")
    return int(amount)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _parsed(text: str) -> datetime:
    match = _DAY.fullmatch(text)
    if match is None:
        if not re.match(r"\d{4}-\d{2}-\d{2}[T ]|\d{8}(T|$)", text):
            raise ValueError(text)  # `fromisoformat` knows weeks and short forms that nobody means in a table
        return datetime.fromisoformat(text)
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
    on = date(year, month, day)
    return datetime(on.year, on.month, on.day, hour, minute, second)  # noqa: DTZ001 - its zone is added by the caller


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}…")
