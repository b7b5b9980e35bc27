"""Topics: what a Conversation is about, as coarsely as teams are divided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from bot.effects import HandOffReason
from bot.turn import CaseKind


class Topic(StrEnum):
    """What a team takes, or somebody knows."""

    COMPLAINTS = "complaints"
    ORDERS = "orders"
    SHIPPING = "shipping"
    RETURNS = "returns"  # refund, return, exchange
    PAYMENT = "payment"  # and invoices
    PRODUCTS = "products"  # prices, stock, discounts, warranty
    MEMBERSHIP = "membership"  # points and accounts
    PRIVACY = "privacy"
    LEGAL = "legal"  # lawyers, authorities, the press


BY_INTENT: Mapping[str, Topic] = {
    "order_status": Topic.ORDERS,
    "order_cancel": Topic.ORDERS,
    "order_change": Topic.ORDERS,
    "shipping_question": Topic.SHIPPING,
    "refund_request": Topic.RETURNS,
    "return_request": Topic.RETURNS,
    "exchange_request": Topic.RETURNS,
    "payment_question": Topic.PAYMENT,
    "invoice_request": Topic.PAYMENT,
    "product_question": Topic.PRODUCTS,
    "price_question": Topic.PRODUCTS,
    "stock_question": Topic.PRODUCTS,
    "discount_question": Topic.PRODUCTS,
    "warranty_question": Topic.PRODUCTS,
    "membership_points": Topic.MEMBERSHIP,
    "account_problem": Topic.MEMBERSHIP,
    "privacy_request": Topic.PRIVACY,
    "complaint_quality": Topic.COMPLAINTS,
    "complaint_delivery": Topic.COMPLAINTS,
    "complaint_service": Topic.COMPLAINTS,
    "complaint_wrong_item": Topic.COMPLAINTS,
    "complaint_overcharge": Topic.COMPLAINTS,
}
"""What is understood most coarsely; what says nothing of the matter ("a person, please") stands in no topic."""
BY_REASON: Mapping[str, Topic] = {
    HandOffReason.LEGAL: Topic.LEGAL,
    HandOffReason.UNFOUNDED: Topic.COMPLAINTS,
    HandOffReason.BAD_SCORE: Topic.COMPLAINTS,
}


def topics_of(*, intents: Iterable[str], cases: Iterable[str], reason: str | None) -> tuple[Topic, ...]:
    """Of a Conversation: by why it was handed over, by the kinds of its open cases, and by what was understood last.

    `intents`: the latest first; the first that says something decides.
    """
    found = {BY_REASON[reason]} if reason is not None and reason in BY_REASON else set[Topic]()
    if CaseKind.COMPLAINT in cases:
        found.add(Topic.COMPLAINTS)
    understood = next((BY_INTENT[intent] for intent in intents if intent in BY_INTENT), None)
    if understood is not None:
        found.add(understood)
    return tuple(topic for topic in Topic if topic in found)
