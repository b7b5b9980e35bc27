"""Order numbers, and whose order it is: nothing about an order is said before that is proven."""

from __future__ import annotations

import re

from bot.heard import Heard
from bot.talk import Talk
from bot.turn import OrderFacts

_FOUR_DIGITS = re.compile(r"(?<![\dA-Za-z])\d{4}(?![\dA-Za-z])")
_MOST_GUESSES = 2
"""Four-digit numbers in one message; more of them are guessing."""


def order_numbers(talk: Talk, heard: Heard) -> list[str]:
    """Those named, as the business writes them; the recogniser's first, then what our own pattern finds."""
    pattern = talk.policy.order_pattern
    found = [value.upper() for value in heard.values("order_number") if pattern.fullmatch(value)]
    found += [match[0].upper() for match in pattern.finditer(heard.text)]
    return list(dict.fromkeys(found))


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
    if any(value.endswith(order.phone_ending) for value in heard.values("phone")):
        return True
    guesses = _FOUR_DIGITS.findall(heard.text)
    return len(guesses) <= _MOST_GUESSES and order.phone_ending in guesses


def tries_to_prove(heard: Heard) -> bool:
    """There is something in it that looks like digits of a phone."""
    return bool(heard.values("phone")) or _FOUR_DIGITS.search(heard.text) is not None


def _folded(addresses: tuple[str, ...]) -> set[str]:
    return {address.casefold() for address in addresses}


def _phone_ends_with(addresses: tuple[str, ...], ending: str) -> bool:
    return any(address.startswith("tel:") and address.endswith(ending) for address in addresses)
