"""The demo shop, as the understanding of texts sees it."""

from __future__ import annotations

from pathlib import Path

from nlu.entities import Product

HERE = Path(__file__).resolve().parent
TRAINING_DATA = HERE.parent.parent / "nlu" / "rasa" / "data"
HELD_OUT = HERE / "heldout.yml"

CATALOGUE = (
    Product(name="longjing", words=("龙井", "龍井", "Longjing", "Dragon Well")),
    Product(name="tieguanyin", words=("铁观音", "鐵觀音", "Tieguanyin")),
    Product(name="puer", words=("普洱", "普洱茶", "Pu'er", "Puer")),
    Product(name="jasmine", words=("茉莉花茶", "jasmine tea")),
    Product(name="gaiwan", words=("盖碗", "蓋碗", "gaiwan")),
    Product(name="zisha", words=("紫砂壶", "紫砂壺", "Zisha teapot", "Zisha")),
    Product(name="giftbox", words=("茶礼盒", "茶禮盒", "tea gift box")),
)

INTENTS = frozenset(
    """
    greet goodbye thank affirm deny smalltalk_wellbeing bot_identity human_request complaint_quality complaint_delivery
    complaint_service complaint_wrong_item complaint_overcharge order_status order_cancel order_change refund_request
    return_request exchange_request shipping_question payment_question invoice_request product_question price_question
    stock_question discount_question warranty_question opening_hours membership_points account_problem stop_marketing
    start_marketing help correct_fact pause resume cancel_form satisfied dissatisfied anger legal_threat abuse spam
    privacy_request out_of_scope
    """.split()  # noqa: SIM905 - a list of names reads better than forty-five quoted ones
)
"""The names that the engine's skills answer to."""
