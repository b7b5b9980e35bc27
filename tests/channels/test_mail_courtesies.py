"""What is left of a mail without its courtesies: what somebody wants."""

from __future__ import annotations

import pytest

from channels.mail.courtesies import matter_of

THEIRS = "Thanks. And can I still send it back?"


@pytest.mark.parametrize(
    ("text", "matter"),
    [
        (f"Hello Shanlan team,\n\n{THEIRS}\n\nBest regards,\nAnna Berg\nMarketing Manager\n+49 170 1234567", THEIRS),
        (f"Dear Sir or Madam,\n{THEIRS}\n\nYours faithfully\n\nA. Berg", THEIRS),
        (f"Hi,\n\n{THEIRS}\n\nThanks,\nanna", THEIRS),
        (f"{THEIRS}\n\nAnna", THEIRS),
        (f"{THEIRS}\nAnna Berg\nBerg & Sons Ltd\nwww.berg.example", THEIRS),
        (f"{THEIRS}\n\nLooking forward to hearing from you.\n\nKind regards\nAnna", THEIRS),
        ("客服你好：\n\n茶收到了，可以退吗？\n\n谢谢！\n王小明", "茶收到了，可以退吗？"),
        ("您好，\n茶收到了，可以退吗？\n此致\n敬礼\n王小明 敬上", "茶收到了，可以退吗？"),
        ("親愛的客服：\n\n茶葉可以退嗎？\n\n順頌商祺\n\n陳怡君\n行銷部", "茶葉可以退嗎？"),
        ("尊敬的山岚茶：\n怎么退货？\n盼复", "怎么退货？"),
    ],
)
def test_salutation_closing_and_name_are_not_what_somebody_wants(text: str, matter: str) -> None:
    assert matter_of(text, "Anna Berg") == matter


@pytest.mark.parametrize(
    "text",
    [
        "Thanks\nbroken pot arrived\nno reply since",
        "谢谢\n茶壶坏了",
        "Where is it? Best regards to your nice colleague, by the way.",
        "Hello, can I send it back?",
        "Hello",
        "Best regards",
        "Regards",
        "SL20260012",
        "1",
        "my lid broke\n\nAnna is my name and I want my money back",
        "Cheers\n\nP.S. the lid is broken",
        "please send it to\nAnna Berg\n1 Long Street\nBerlin",
        "",
    ],
)
def test_in_doubt_a_line_is_what_they_want(text: str) -> None:
    assert matter_of(text, "Anna Berg") == text


@pytest.mark.parametrize(
    ("text", "matter"),
    [
        ("Thank you very much!\n\nBest,\nAnna", "Thank you very much!"),
        ("Hi,\nThanks!\nAnna", "Thanks!"),
        ("客服您好：\n谢谢！\n王小明", "谢谢！"),
    ],
)
def test_a_thank_you_alone_is_one(text: str, matter: str) -> None:
    assert matter_of(text, "Anna Berg") == matter


@pytest.mark.parametrize(
    "below",
    ["Order number SL20260012", "SL20260012", "P.S. The box was crushed.", "订单号：SL20260012", "Can you hurry?"],
)
def test_what_is_told_below_the_name_is_heard(below: str) -> None:
    assert below in matter_of(f"my lid broke\n\nBest regards\nAnna Berg\n{below}", "Anna Berg")
