from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlu.language import detect, language_of
from nlu.understanding import Language

HANS, HANT, EN = Language.ZH_HANS, Language.ZH_HANT, Language.EN


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("我想退货", HANS),
        ("我想退貨", HANT),
        ("订单SL20260012到哪了", HANS),
        ("這個iPhone殼寄錯了", HANT),
        ("OK 谢谢", HANS),
        ("OK 謝謝", HANT),
        ("你好", HANS),
        ("妳好", HANS),
        ("點解仲未到貨呀？", HANT),
        ("唔該，我想退款", HANT),
        ("佢哋嘅茶好靚", HANT),
        ("我要买Longjing green tea 还有货吗", HANS),
        ("龙井 has not arrived yet, where is my order?", EN),
        ("where's my stuff", EN),
        ("I don’t get it", EN),
        ("hi", EN),
        ("hello!!! 😊", EN),
        ("refund plz", EN),
        ("ｗｈｅｒｅ ｉｓ ｍｙ ｏｒｄｅｒ", EN),
        ("我\u200b想\u200b退貨", HANT),
    ],
)
def test_a_message_is_in_the_language_it_is_written_in(text: str, language: Language) -> None:
    assert language_of(text) is language


@pytest.mark.parametrize("text", ["", "   ", "👍", "😡😡😡", "12345", "SL20260012", "ok", "?!", "\x00\u200b", "haha"])
def test_a_message_that_says_too_little_has_no_language(text: str) -> None:
    assert language_of(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "注文はまだ届きません",
        "お茶はどこですか",
        "안녕하세요, 주문이 안 왔어요",
        "Где мой заказ?",
        "Où est ma commande ?",
        "Wo ist meine Bestellung?",
        "¿Dónde está mi pedido?",
        "dove è il mio ordine",
        "waar is mijn bestelling",
        "أين طلبي",
        "איפה ההזמנה שלי",
        "สินค้าอยู่ที่ไหน",
        "Siparişim nerede?",
        "Đơn hàng của tôi ở đâu",
    ],
)
def test_a_language_that_the_house_does_not_speak_is_none(text: str) -> None:
    assert language_of(text) is None


@pytest.mark.parametrize(
    ("text", "either"), [("你好", True), ("不是", True), ("谢谢", False), ("謝謝", False), ("hi", False)]
)
def test_chinese_that_both_scripts_write_alike_says_so(text: str, *, either: bool) -> None:
    assert detect(text)[1] is either


@given(st.text())
def test_any_text_has_a_language_or_none(text: str) -> None:
    assert language_of(text) in (HANS, HANT, EN, None)
