"""By mail the assistant writes letters: to somebody, and from the business."""

from __future__ import annotations

import pytest

from bot.effects import Say
from bot.engine import respond
from bot.letters import name_in
from bot.playbook import Playbook, PlaybookMistakes, load
from bot.turn import ChannelFacts, ContactFacts
from nlu.understanding import Language
from tests.bot.people import MAIL, SMS, WEBCHAT, message, shop, shop_files, turn, understood

ASKED = {
    Language.EN: "how long is delivery?",
    Language.ZH_HANS: "多久能送到？",
    Language.ZH_HANT: "多久會送到？",
}
DELIVERY = [("shipping#delivery-time", 0.9)]


def told(language: Language, name: str | None, channel: ChannelFacts = MAIL, playbook: Playbook | None = None) -> str:
    """What is said about delivery."""
    asked = message(ASKED[language], understood("shipping_question", language=language, knowledge=DELIVERY))
    effects = respond(turn(asked, channel=channel, contact=ContactFacts(id=7, name=name)), playbook or shop())
    (said,) = [effect.text for effect in effects if isinstance(effect, Say)]
    return said


@pytest.mark.parametrize(
    ("language", "name", "begins", "ends"),
    [
        (Language.EN, "Anna Berg", "Hello Anna Berg,\n\n", "\n\nKind regards,\nShanlan Tea"),
        (Language.ZH_HANS, "王小明", "王小明，您好！\n\n", "\n\n祝好！\n山岚茶"),
        (Language.ZH_HANT, "陳怡君", "陳怡君 您好：\n\n", "\n\n敬祝 順心\n山嵐茶 敬上"),
        (Language.EN, None, "Hello,\n\n", "\n\nKind regards,\nShanlan Tea"),
        (Language.ZH_HANS, None, "您好！\n\n", "\n\n祝好！\n山岚茶"),
    ],
)
def test_a_mail_has_a_salutation_and_a_closing(language: Language, name: str | None, begins: str, ends: str) -> None:
    said = told(language, name)
    assert said.startswith(begins)
    assert said.endswith(ends)


@pytest.mark.parametrize("channel", [WEBCHAT, SMS])
def test_a_chat_and_a_text_message_have_neither(channel: ChannelFacts) -> None:
    said = told(Language.EN, "Anna Berg", channel)
    assert not said.startswith("Hello")
    assert "Kind regards" not in said


def test_two_answers_are_one_letter_with_one_salutation() -> None:
    delivery = message(ASKED[Language.EN], understood("shipping_question", knowledge=DELIVERY))
    invoice = message("can I get an invoice?", understood("invoice_request", knowledge=[("payment#invoice", 0.8)]))
    effects = respond(turn(delivery, invoice, channel=MAIL, contact=ContactFacts(id=7, name="Anna")), shop())
    (said,) = [effect.text for effect in effects if isinstance(effect, Say)]
    assert (said.count("Hello Anna,"), said.count("Kind regards,")) == (1, 1)


def test_who_is_greeted_already_is_not_greeted_twice() -> None:
    hello = message("你好", understood("greet", language=Language.ZH_HANS))
    effects = respond(turn(hello, channel=MAIL, contact=ContactFacts(id=7, name="王小明")), shop())
    (said,) = [effect.text for effect in effects if isinstance(effect, Say)]
    assert said.count("您好") + said.count("你好") == 1


def test_a_business_says_it_in_its_own_words_or_not_at_all() -> None:
    files = shop_files()
    own = 'mail:\n  salutation: ""\n  closing: "With a bow, {assistant}"\n'
    files["texts/en.yml"] += own
    said = told(Language.EN, "Anna", playbook=load(files))
    assert not said.startswith("Hello")
    assert said.endswith("\n\nWith a bow, Lan")
    files["texts/en.yml"] = files["texts/en.yml"].replace('{assistant}"\n', '{order}"\n')
    with pytest.raises(PlaybookMistakes, match=r"`mail.closing` has no placeholder \{order\}"):
        load(files)


@pytest.mark.parametrize(
    ("called", "name"),
    [
        ("Anna Berg", "Anna Berg"),
        ('"Berg, Anna"', "Anna Berg"),
        ("J. R. O'Neill-Smith", "J. R. O'Neill-Smith"),
        ("王小明", "王小明"),
        ("anna@example.org", ""),
        ("Win now at evil.example", ""),
        ("http://evil.example", ""),
        ("Call 0900 123456", ""),
        ("Anna\r\nBcc: x", ""),
        ("one two three four five six", ""),
        ("A" * 41, ""),
        ("", ""),
        (None, ""),
    ],
)
def test_only_a_name_is_taken_for_one(called: str | None, name: str) -> None:
    assert name_in(called) == name
