"""Conversations with the demonstration shop as it is: its own playbook, its own trained engine, nothing given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.rehearsal import rehearse
from gateway.stage import Clock
from nlu.understanding import Language
from tests.acceptance.tea_house import MONDAY, settings_of, wording

EN, HANS, HANT = Language.EN, Language.ZH_HANS, Language.ZH_HANT


@dataclass(frozen=True)
class Held:
    """What a customer writes, line by line, and what must be in the answer: keys of wordings, or words themselves."""

    language: Language
    lines: tuple[tuple[str, tuple[str, ...]], ...]


CONVERSATIONS = {
    "three questions in one line": Held(
        EN,
        (
            (
                "Hi! How long does shipping take, do you take paypal, and can I get an invoice?",
                ("1–3 days", "PayPal", "tax number"),
            ),
        ),
    ),
    "two questions after a greeting": Held(HANS, (("你好，发货要多久？能开发票吗？", ("1–3天", "税号")),)),
    "two questions in traditional Chinese": Held(HANT, (("可以寄到台灣嗎？運費多少？", ("40多個國家", "40元")),)),
    "a stop and a question": Held(
        HANS, (("别再发广告了！另外我的订单SL20260012到哪了？", ("consent.stopped", "order.unknown")),)
    ),
    "another world": Held(
        HANS,
        (
            ("今天天气怎么样", ("fallback.out_of_scope",)),
            ("讲个笑话", ("fallback.out_of_scope",)),
            ("龙井用多少度的水泡？", ("80–85℃",)),
        ),
    ),
    "near the shop's own world": Held(
        EN,
        (("do you have a physical shop", ("online only",)), ("which tea is for beginners?", ("Jasmine tea",))),
    ),
    "why a phone number": Held(
        EN,
        (
            ("my gaiwan broke", ("complaint.heard", "complaint.ask_order")),
            ("why do you need my order number?", ("why.order",)),
        ),
    ),
    "short thanks": Held(HANS, (("你好", ("small.hello",)), ("蟹蟹", ("small.thanks",)), ("嗯", ("small.yes",)))),
    "thanks in two letters more": Held(EN, (("hello there", ("small.hello",)), ("tnx", ("small.thanks",)))),
    "given up and taken up": Held(
        HANS,
        (
            ("我的紫砂壶漏水了", ("complaint.heard",)),
            ("算了不投诉了", ("complaint.cancelled",)),
            ("还是继续投诉吧", ("complaint.taken_up",)),
        ),
    ),
    "an invoice for an order": Held(
        EN, (("how do I get an invoice?", ("tax number",)), ("SL20260012", ("request.taken",)))
    ),
    "no second answer": Held(HANT, (("宅配要幾天會到？", ("3–5天",)), ("不是我要問的", ("knowledge.no_more",)))),
    "praise is no complaint": Held(HANS, (("你们的茶太好喝了！", ("small.glad",)),)),
    "a name does not change the language": Held(
        HANS,
        (("客服态度很差", ("complaint.heard",)), ("LINE: amy chen", ("complaint.sorry_again", "complaint.again_"))),
    ),
    "another language": Held(EN, (("Bonjour, je voudrais savoir où est ma commande", ("fallback.languages",)),)),
}


@pytest.mark.parametrize("name", CONVERSATIONS)
async def test_a_conversation_with_the_shop_as_it_is(name: str, tmp_path: Path, trained_models: Path) -> None:
    held = CONVERSATIONS[name]
    async with rehearse(settings_of(tmp_path, trained_models), clock=Clock(MONDAY)) as rehearsal:
        for text, wanted in held.lines:
            said = await rehearsal.say(text)
            answer = "\n".join(reply["text"] for reply in said.replies)
            for words in wanted:
                assert _holds(answer, words, held.language), f"{text!r} is answered {answer!r}, without {words}"


def _holds(answer: str, words: str, language: Language) -> bool:
    """A key stands for any of its wordings; one that ends in a dot or a dash for any key that begins so."""
    keys = [key for key in _keys() if key == words or (words[-1] in "._" and key.startswith(words))]
    return any(wording(key, language).search(answer) for key in keys) if keys else words in answer


def _keys() -> tuple[str, ...]:
    from bot.words import WORDS

    return tuple(WORDS)
