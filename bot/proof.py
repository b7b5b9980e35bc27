"""Order numbers, and whose order it is: nothing about an order is said before that is proven."""

from __future__ import annotations

import re
import unicodedata

from bot.heard import Heard
from bot.talk import Talk
from bot.turn import OrderFacts

_FOUR_DIGITS = re.compile(r"(?<![\dA-Za-z])\d{4}(?![\dA-Za-z])")
_LONG_NUMBER = re.compile(r"(?<![\dA-Za-z])\d(?:[ ().-]{0,2}\d){6,14}(?![\dA-Za-z])")
_OTHER = re.compile(r"另[一外个個]|其他|别的|別的|\bother\b|\banother\b|\belse\b", re.IGNORECASE)
_SEPARATOR = re.compile(r"(?<=[A-Za-z0-9])[\s\-_.#:/]+(?=\d)")
_DIGITS = re.compile(r"\d+")
_LETTERS = re.compile(r"^\D+")
_DAY = re.compile(r"20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
"""Eight digits that may well be a day."""
_FEW_WORDS = 8
"""Characters."""
_MOST_GUESSES = 2
"""Four-digit numbers in one message; more of them are guessing."""


def order_numbers(talk: Talk, heard: Heard) -> list[str]:
    """Those named, as the business writes them: blanks within do no harm, nor digits alone that can be nothing else."""
    pattern = talk.policy.order_pattern
    found = [value.upper() for value in heard.values("order_number") if pattern.fullmatch(value)]
    found += [match[0].upper() for match in pattern.finditer(heard.text)]
    if not found and _DIGITS.search(heard.text):
        joined = _SEPARATOR.sub("", unicodedata.normalize("NFKC", heard.text))
        found = [match[0].upper() for match in pattern.finditer(joined) if not joined[match.end() :][:1].isdigit()]
        found = found or _digits_alone(talk, heard, joined)
    return list(dict.fromkeys(found))


def means_another_order(text: str) -> bool:
    """Not the one that we spoke of."""
    return _OTHER.search(text) is not None


def _digits_alone(talk: Talk, heard: Heard, joined: str) -> list[str]:
    """The number without its letters, where it is all that was written, or nearly."""
    example = talk.policy.order_example
    digits = _LETTERS.sub("", example)
    written = _DIGITS.findall(joined)
    if len(written) != 1 or len(written[0]) != len(digits) or len(joined) - len(digits) > _FEW_WORDS:
        return []
    number = example.removesuffix(digits) + written[0]
    if heard.values("phone") or talk.policy.order_pattern.fullmatch(number) is None:
        return []
    return [number.upper()] if _asks_for_number(talk) or _DAY.fullmatch(written[0]) is None else []


def _asks_for_number(talk: Talk) -> bool:
    question, complaint = talk.memory.order, talk.memory.complaint
    if question is not None and question.asks == "number":
        return True
    return complaint is not None and complaint.asked == "order"


def is_proven(talk: Talk, order: OrderFacts) -> bool:
    """It is this customer's, by a proven address, by the buyer's own mail or phone, or by what they told before."""
    contact = talk.turn.contact
    if order.number in talk.memory.proven:
        return True
    if not contact.proven:
        return False
    return (
        order.mine
        or (order.mail is not None and f"mailto:{order.mail.casefold()}" in _folded(contact.addresses))
        or (order.phone_ending is not None and _phone_ends_with(contact.addresses, order.phone_ending))
    )


def proves(order: OrderFacts, heard: Heard) -> bool:
    """The last four digits of the buyer's phone were named."""
    if not order.phone_ending:
        return False
    told = _without_days(heard)
    if any(phone_proves(order, phone) for phone in (*heard.values("phone"), *_LONG_NUMBER.findall(told)[:1])):
        return True
    guesses = _FOUR_DIGITS.findall(told)
    return len(guesses) <= _MOST_GUESSES and order.phone_ending in guesses


def phone_proves(order: OrderFacts, phone: object) -> bool:
    """A phone number that was told ends as the buyer's does."""
    if not order.phone_ending or not isinstance(phone, str):
        return False
    return "".join(character for character in phone if character.isdecimal()).endswith(order.phone_ending)


def tries_to_prove(heard: Heard) -> bool:
    """There is something in it that looks like digits of a phone."""
    told = _without_days(heard)
    return bool(heard.values("phone") or _FOUR_DIGITS.search(told) or _LONG_NUMBER.search(told))


def _without_days(heard: Heard) -> str:
    """The words without days, sums and orders: a year proves nothing."""
    rest = heard.text
    for entity in heard.entities:
        if entity.kind in {"date", "amount", "order_number"}:
            rest = rest.replace(entity.text, " ")
    return rest


def _folded(addresses: tuple[str, ...]) -> set[str]:
    return {address.casefold() for address in addresses}


def _phone_ends_with(addresses: tuple[str, ...], ending: str) -> bool:
    return any(address.startswith("tel:") and address.endswith(ending) for address in addresses)
