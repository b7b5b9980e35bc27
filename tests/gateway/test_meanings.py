"""The demo shop's knowledge found by meaning: in three languages, and in one that the answer is not written in."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from bot.playbook import Playbook, load
from gateway.comprehension import Comprehension, Words
from gateway.meanings import MOST_WAITING, Meanings
from gateway.playbooks import files
from nlu import encoder
from nlu.encoder import Encoder
from nlu.knowledge import KnowledgeIndex
from nlu.meaning import MeaningIndex, is_weak, merged
from nlu.model import Floats
from nlu.understanding import Candidate, Intent, KnowledgeDocument, Language, Understanding
from tests.given import missing

CHECKOUT = Path(__file__).resolve().parents[2]
RELEVANT = 0.3
FAQ = {
    "shipping#delivery-time": {
        Language.EN: ("How long does delivery take?", "When will my parcel arrive?"),
        Language.ZH_HANS: ("多久能送到？", "几天能收到？"),
        Language.ZH_HANT: ("多久能送到？", "幾天能收到？"),
    },
    "payment#methods": {
        Language.EN: ("How can I pay?", "Which payment methods do you accept?"),
        Language.ZH_HANS: ("可以怎么付款？", "支持哪些支付方式？"),
        Language.ZH_HANT: ("可以怎麼付款？", "支援哪些付款方式？"),
    },
    "returns#how-to-return": {
        Language.EN: ("How do I return something?", "I want to send it back"),
        Language.ZH_HANS: ("怎么退货？", "我想退货"),
        Language.ZH_HANT: ("怎麼退貨？", "我想退貨"),
    },
    "contact#visit": {
        Language.EN: ("Where is your shop?", "Can I visit you?"),
        Language.ZH_HANS: ("你们的店在哪里？", "可以去店里看看吗？"),
        Language.ZH_HANT: ("你們的店在哪裡？", "可以去店裡看看嗎？"),
    },
}


def documents(*languages: Language) -> list[KnowledgeDocument]:
    return [
        KnowledgeDocument(entry=entry, language=language, questions=asked[language], body="")
        for entry, asked in FAQ.items()
        for language in languages
    ]


@pytest.fixture(scope="session")
def real() -> Encoder:
    if not encoder.installed():
        missing(encoder.MISSING)
    return Encoder.shared()


@lru_cache(maxsize=1)
def demo() -> Playbook:
    return load(files(CHECKOUT / "playbook"))


def small(*languages: Language) -> Playbook:
    """The demo shop with this knowledge in place of its own."""

    class Small(Playbook):
        def documents(self) -> list[KnowledgeDocument]:
            return documents(*languages)

    own = demo()
    return Small(
        policy=own.policy, hours=own.hours, texts=own.texts, entries=own.entries, fingerprint=" ".join(languages)
    )


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("我想知道快递要等几天", "shipping#delivery-time"),
        ("你们接受微信支付或者信用卡吗", "payment#methods"),
        ("你們接受信用卡嗎", "payment#methods"),
        ("东西不喜欢，想寄回去", "returns#how-to-return"),
    ],
)
def test_a_chinese_question_finds_the_english_entry_where_there_is_no_chinese_one(
    real: Encoder, text: str, entry: str
) -> None:
    index = MeaningIndex(documents(Language.EN), real)
    best = index.search(real.encode([text])[0], chinese=True)
    assert (best[0].entry, best[0].score >= RELEVANT) == (entry, True)
    assert KnowledgeIndex(documents(Language.EN)).search(text, Language.ZH_HANS) == ()


@pytest.mark.parametrize("language", [Language.ZH_HANS, Language.ZH_HANT])
def test_an_english_question_finds_the_chinese_entry_where_there_is_no_english_one(
    real: Encoder, language: Language
) -> None:
    index = MeaningIndex(documents(language), real)
    best = index.search(real.encode(["how many days until I receive my order"])[0], chinese=False)
    assert (best[0].entry, best[0].score >= RELEVANT) == ("shipping#delivery-time", True)


@pytest.mark.parametrize(
    "text", ["what is the capital of Australia", "今天天气怎么样", "tell me a joke", "昨晚的球赛谁赢了"]
)
def test_what_the_knowledge_has_nothing_about_stays_unanswered(real: Encoder, text: str) -> None:
    for languages in ([Language.EN], [Language.ZH_HANS], list(Language)):
        index = MeaningIndex(documents(*languages), real)
        best = index.search(real.encode([text])[0], chinese=not text.isascii())
        assert not best or best[0].score < RELEVANT


class Guessing:
    """An engine that is as sure as it is told, of one intent."""

    name = "guessing"
    batches = True

    def __init__(self, intent: Intent | None) -> None:
        self._intent = intent

    async def understand(self, texts: Sequence[str]) -> Sequence[Understanding]:
        return [
            Understanding(language=Language.ZH_HANS, intents=(self._intent,) if self._intent else (), failure=None)
            for _ in texts
        ]


class Counting:
    """Counts what the encoder is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def query(self, texts: list[str], /) -> Floats:
        self.asked += texts
        rows = np.array([np.arange(encoder.DIMENSIONS) == len(text) % 7 for text in texts], dtype=np.float32)
        return rows + np.float32(0.01)


async def comprehension(meanings: Meanings, playbook: Playbook, intent: Intent | None) -> Comprehension:
    whole = Comprehension(Guessing(intent), lambda: KnowledgeIndex(playbook.documents()), by_meaning=meanings.improve)
    await whole.understand([Words(text="x", whole_message=False)])
    await meanings.settle()
    return whole


async def test_a_customer_is_answered_by_meaning_once_the_playbook_was_read(real: Encoder, tmp_path: Path) -> None:
    playbook = small(Language.EN)
    meanings = Meanings(real, tmp_path / "encodings.sqlite3", lambda: playbook)
    whole = await comprehension(meanings, playbook, None)
    (said,) = await whole.understand([Words(text="我想知道快递要等几天", whole_message=False)])
    assert said.knowledge[0].entry == "shipping#delivery-time"
    await meanings.stop()


async def test_the_encoder_is_asked_only_where_words_found_little(tmp_path: Path) -> None:
    counting, playbook = Counting(), small(*Language)
    meanings = Meanings(Encoder(counting), tmp_path / "encodings.sqlite3", lambda: playbook)
    whole = await comprehension(meanings, playbook, None)
    counting.asked.clear()
    await whole.understand([Words(text="怎么退货？", whole_message=False), Words(text="", whole_message=False)])
    assert counting.asked == []
    await whole.understand([Words(text="俺不想要了咋整", whole_message=False)])
    assert counting.asked == ["俺不想要了咋整"]


@pytest.mark.parametrize(("intent", "asked"), [("refund_request", 0), ("shipping_question", 1)])
async def test_who_surely_wants_something_done_is_not_looked_up_by_meaning(
    tmp_path: Path, intent: str, asked: int
) -> None:
    counting, playbook = Counting(), small(*Language)
    meanings = Meanings(Encoder(counting), tmp_path / "encodings.sqlite3", lambda: playbook)
    whole = await comprehension(meanings, playbook, Intent(name=intent, confidence=0.9))
    counting.asked.clear()
    await whole.understand([Words(text="俺不想要了咋整", whole_message=False)])
    assert len(counting.asked) == asked


async def test_no_more_texts_wait_for_the_encoder_than_can_be_read_soon(tmp_path: Path) -> None:
    counting, playbook = Counting(), small(Language.EN)
    meanings = Meanings(Encoder(counting), tmp_path / "encodings.sqlite3", lambda: playbook)
    await comprehension(meanings, playbook, None)
    counting.asked.clear()
    texts = [f"咋整{number}号" for number in range(100)]
    understood = [Understanding(language=Language.ZH_HANS)] * len(texts)
    assert len(await meanings.improve(texts, understood)) == len(texts)
    assert len(counting.asked) == MOST_WAITING


def test_an_entry_found_both_ways_is_named_once_with_its_better_score() -> None:
    words = (Candidate(entry="a", score=0.4), Candidate(entry="b", score=0.2))
    meaning = (Candidate(entry="b", score=0.6), Candidate(entry="c", score=0.1))
    assert merged(words, meaning) == (
        Candidate(entry="b", score=0.6), Candidate(entry="a", score=0.4), Candidate(entry="c", score=0.1),
    )  # fmt: skip


def test_a_long_letter_and_a_sure_find_are_left_to_words() -> None:
    assert is_weak((), "short")
    assert not is_weak((), "long " * 200)
    assert not is_weak((Candidate(entry="a", score=0.8),), "short")
