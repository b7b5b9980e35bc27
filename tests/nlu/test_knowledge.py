"""Which entry of the shop's knowledge answers a question, and that none does where none fits."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TypedDict, cast

import pytest
import yaml
from hypothesis import given as property_of
from hypothesis import strategies as st

from bot import playbook
from nlu.knowledge import KnowledgeIndex
from nlu.understanding import KnowledgeDocument, Language

CHECKOUT = Path(__file__).resolve().parents[2]
NOTHING_RELEVANT = 0.3
ANSWERABLE = 0.5


class Questions(TypedDict):
    """`knowledge_questions.yml`, by language."""

    answered: Mapping[Language, list[tuple[str, list[str]]]]
    none: Mapping[Language, list[str]]


@lru_cache(maxsize=1)
def questions() -> Questions:
    written = yaml.safe_load((Path(__file__).parent / "knowledge_questions.yml").read_text("utf-8"))
    answered = cast(
        "dict[str, list[dict[str, str]]]", {language.value: written[language.value] for language in Language}
    )
    return {
        "answered": {
            Language(language): [(text, entries.split(" | ")) for row in rows for entries, text in row.items()]
            for language, rows in answered.items()
        },
        "none": {Language(language): texts for language, texts in written["none"].items()},
    }


@lru_cache(maxsize=1)
def demo_documents() -> tuple[KnowledgeDocument, ...]:
    folder = CHECKOUT / "playbook"
    files = {
        path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in folder.rglob("*") if path.is_file()
    }
    return tuple(playbook.load(files).documents())


@lru_cache(maxsize=1)
def demo_index() -> KnowledgeIndex:
    return KnowledgeIndex(demo_documents())


def document(entry: str, language: Language, *asked: str, body: str = "") -> KnowledgeDocument:
    return KnowledgeDocument(entry=entry, language=language, questions=asked, body=body)


def found(index: KnowledgeIndex, text: str, language: Language | None) -> str | None:
    """The entry an assistant would answer with."""
    best = index.search(text, language)
    return best[0].entry if best and best[0].score >= NOTHING_RELEVANT else None


def test_the_demo_shop_finds_the_answer_to_what_customers_ask() -> None:
    right, missed = 0, list[str]()
    asked = questions()["answered"]
    for language, rows in asked.items():
        for text, entries in rows:
            best = demo_index().search(text, language)
            if best and best[0].entry in entries:
                right += 1
            else:
                missed.append(text)
    total = right + len(missed)
    assert total >= 60
    assert right / total >= 0.85, missed


@pytest.mark.parametrize("language", Language)
def test_no_language_is_answered_worse_than_the_others(language: Language) -> None:
    rows = questions()["answered"][language]
    right = sum(found(demo_index(), text, language) in entries for text, entries in rows)
    assert right / len(rows) >= 0.8


def test_what_the_shop_knows_nothing_about_is_refused() -> None:
    answered = [
        text for language, texts in questions()["none"].items() for text in texts if found(demo_index(), text, language)
    ]
    total = sum(map(len, questions()["none"].values()))
    assert total >= 20
    assert len(answered) / total <= 0.1, answered


def test_most_right_answers_score_high_enough_to_be_given_unasked() -> None:
    scores = [
        best[0].score
        for language, rows in questions()["answered"].items()
        for text, entries in rows
        if (best := demo_index().search(text, language)) and best[0].entry in entries
    ]
    assert sum(score >= ANSWERABLE for score in scores) / len(scores) >= 0.75


def test_every_entry_is_found_by_its_own_heading_in_its_own_language() -> None:
    for entry in demo_documents():
        best = demo_index().search(entry.questions[0], entry.language)
        assert best[0].entry == entry.entry, entry.questions[0]
        assert best[0].score >= 0.8


def test_traditional_characters_find_what_is_written_in_simplified_ones() -> None:
    index = KnowledgeIndex([document("returns#refund", Language.ZH_HANS, "退款多久到账？")])
    assert found(index, "退款多久到賬", Language.ZH_HANT) == "returns#refund"


def test_the_customers_language_comes_first_and_another_one_where_it_has_nothing() -> None:
    index = KnowledgeIndex(
        [
            document("a#gaiwan", Language.EN, "How do I use a gaiwan?"),
            document("b#gaiwan", Language.ZH_HANS, "gaiwan 怎么用？"),
            document("c#paypal", Language.EN, "Do you take PayPal?"),
        ]
    )
    assert found(index, "gaiwan", Language.EN) == "a#gaiwan"
    assert found(index, "gaiwan", Language.ZH_HANS) == "b#gaiwan"
    assert found(index, "可以用PayPal吗", Language.ZH_HANS) == "c#paypal"
    assert found(index, "paypal", None) == "c#paypal"


def test_an_entry_is_named_once_whatever_languages_it_exists_in() -> None:
    best = demo_index().search("PayPal", None, limit=10)
    assert len({candidate.entry for candidate in best}) == len(best)


@pytest.mark.parametrize(
    ("language", "how", "whether"),
    [
        (Language.EN, "How do I return the tea?", "Can I return the tea?"),
        (Language.ZH_HANS, "怎么退茶叶？", "茶叶可以退吗？"),
        (Language.ZH_HANT, "如何退茶葉？", "茶葉能退嗎？"),
    ],
)
def test_how_something_is_done_is_another_question_than_whether_it_can_be_done(
    language: Language, how: str, whether: str
) -> None:
    asked = {"a#steps": how, "b#rules": whether}
    for documents in (asked.items(), reversed(asked.items())):
        index = KnowledgeIndex([document(entry, language, question) for entry, question in documents])
        assert [found(index, question, language) for question in asked.values()] == ["a#steps", "b#rules"]


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        (
            Language.ZH_HANS,
            "怎么退货 怎么退 商品怎么退货 茶叶怎么退 买的东西怎么退货 怎么办理退货 想退货怎么办 退货怎么操作",
        ),
        (Language.ZH_HANT, "怎麼退貨 怎麼退 商品怎麼退貨 茶葉怎麼退 怎麼辦理退貨 想退貨怎麼辦 怎麼寄回去"),
        (Language.EN, "how do I return tea|how do I return something|how do returns work|how do I send it back"),
    ],
)
def test_how_to_return_something_is_not_answered_with_what_cannot_be_returned(language: Language, texts: str) -> None:
    asked = texts.split("|") if language is Language.EN else texts.split()
    assert {text: demo_index().search(text, language)[0].entry for text in asked} == dict.fromkeys(
        asked, "returns#how-to-return"
    )


def test_forms_of_a_word_meet() -> None:
    index = KnowledgeIndex(
        [
            document("shipping#delivery", Language.EN, "When are orders delivered?"),
            document("returns#damage", Language.EN, "Something is damaged"),
        ]
    )
    assert found(index, "delivery of my order", Language.EN) == "shipping#delivery"
    assert found(index, "DELIVERIES?", Language.EN) == "shipping#delivery"
    assert found(index, "there is damage", Language.EN) == "returns#damage"


def test_full_width_letters_and_curly_apostrophes_read_as_plain_ones() -> None:
    index = KnowledgeIndex([document("payment#paypal", Language.EN, "Do you take PayPal?")])
    assert found(index, "ＰａｙＰａｌ", Language.EN) == "payment#paypal"
    assert found(index, "don\u2019t you take paypal", Language.EN) == "payment#paypal"


def test_what_stands_in_a_question_counts_more_than_what_stands_in_an_answer() -> None:
    index = KnowledgeIndex(
        [
            document("a#fridge", Language.EN, "How do I keep tea fresh?", body="In the fridge."),
            document("b#fridge", Language.EN, "Is the fridge good for tea?", body="Yes."),
        ]
    )
    first, second = index.search("fridge", Language.EN)
    assert (first.entry, second.entry) == ("b#fridge", "a#fridge")
    assert first.score > second.score


def test_one_question_in_a_long_polite_message_is_still_found() -> None:
    text = (
        "Good evening! My grandmother turned ninety last Sunday and we had a wonderful party in the garden. "
        "Is there free shipping? It was sunny and everybody danced until late. Warm regards from all of us."
    )
    assert found(demo_index(), text, Language.EN) == "shipping#shipping-cost"


def test_scores_lie_between_nothing_and_one_best_first_and_no_more_than_asked_for() -> None:
    best = demo_index().search("How much is shipping? Who pays for return shipping?", Language.EN, limit=5)
    scores = [candidate.score for candidate in best]
    assert len(best) == 5
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1 for score in scores)


@pytest.mark.parametrize("text", ["", "   ", "?!", "的吗", "the of", "😀😀", "\x00", "。。。"])
def test_a_text_that_asks_for_nothing_finds_nothing(text: str) -> None:
    assert demo_index().search(text, None) == ()


@pytest.mark.parametrize("text", ["人呢", "好的", "算了", "行吧", "不知道", "太少了"])
def test_a_character_that_an_entry_happens_to_hold_is_no_question_about_it(text: str) -> None:
    assert found(demo_index(), text, Language.ZH_HANS) is None


def test_a_shop_without_knowledge_finds_nothing() -> None:
    assert KnowledgeIndex([]).search("How much is shipping?", Language.EN) == ()


@pytest.mark.parametrize("text", ["delivery ", "退货运费谁出", "?!a。", "abcdefgh", "\ufdfa", "\U0001f600"])
def test_a_huge_text_costs_no_more_than_a_page(text: str) -> None:
    huge = text * (100_000 // len(text))
    demo_index().search(huge, None)
    start = time.perf_counter()
    demo_index().search(huge, None)
    assert time.perf_counter() - start < 0.1  # a millisecond, with much room for a busy machine


@property_of(text=st.text(max_size=80), language=st.sampled_from([None, *Language]), limit=st.integers(1, 5))
def test_whatever_is_asked_the_answer_is_a_short_list_of_known_entries(
    text: str, language: Language | None, limit: int
) -> None:
    best = demo_index().search(text, language, limit)
    assert len(best) <= limit
    assert {candidate.entry for candidate in best} <= {entry.entry for entry in demo_documents()}
    assert all(0 < candidate.score <= 1 for candidate in best)
