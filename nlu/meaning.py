"""Which entries of the business's knowledge mean what a text asks, in whatever language and words either is written.

The index of words (nlu.knowledge) comes first and costs next to nothing. Only where it is not sure of an answer is the
text read by the sentence encoder and held against every way to ask for an entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from nlu.model import Floats
from nlu.semantic_model import directions
from nlu.understanding import Candidate, KnowledgeDocument, Language

WEAK = 0.5
"""Below this score of the best entry by words, meaning is asked too: from here on an entry is given unasked."""
OWN, FOREIGN = (0.41, 2.4), (0.17, 1.6)
"""Likeness from which on an entry may be meant, and how fast its score grows with it, in the text's own language and in
another: across languages even the same question is less alike. Set on questions that nobody's knowledge answers."""
MOST_CHARACTERS = 400
"""Of a longer text, meaning says too little: it is about many things."""

EVERYDAY: dict[bool, tuple[str, ...]] = {
    False: (
        "Where is my parcel?", "I would like to pay by card.", "Hello, can you help me?", "How much does it cost?",
        "The shop is open today.", "Thank you very much!", "I have a question about my account.", "It arrived broken.",
        "When will it be ready?", "Please call me back tomorrow.", "Which one do you recommend?",
        "I want to change my address.", "Do you have this in another size?", "The weather is nice.",
        "My name is Anna.", "Can I cancel it?",
    ),
    True: (
        "我的包裹在哪里？", "我想刷卡付款。", "你好，能帮帮我吗？", "这个多少钱？", "今天店里营业。", "非常感谢！",
        "我的账户有个问题。", "收到的时候已经坏了。", "什么时候能好？", "请明天给我回电话。", "你推荐哪一款？",
        "我想改地址。", "有别的尺寸吗？", "今天天气不错。", "我叫小王。", "可以取消吗？",
    ),
}  # fmt: skip
"""The same small talk in English and in Chinese: its mean is what all sentences of a language share, which would
outweigh what they say where texts of two languages are compared."""


class Encodes(Protocol):
    """Who turns texts into encodings."""

    def encode(self, texts: Sequence[str]) -> Floats: ...


class MeaningIndex:
    """Finds entries by meaning. Built once for a playbook, never changed; building reads every question once."""

    def __init__(self, documents: Sequence[KnowledgeDocument], encoder: Encodes) -> None:
        asked = [(document, question) for document in documents for question in document.questions]
        self._entries = [document.entry for document, _ in asked]
        self._chinese = np.array([document.language is not Language.EN for document, _ in asked], dtype=np.bool_)
        self._centres = {chinese: encoder.encode(texts).mean(axis=0) for chinese, texts in EVERYDAY.items()}
        encodings = encoder.encode([question for _, question in asked])
        self._directions = np.zeros_like(encodings)
        for chinese, centre in self._centres.items():
            inside = self._chinese == chinese
            self._directions[inside] = directions(encodings[inside], centre)

    def search(self, encoding: Floats, *, chinese: bool, limit: int = 3) -> tuple[Candidate, ...]:
        """The entries nearest to an encoded text, best first; scores as those of `KnowledgeIndex.search`."""
        nearness = (directions(encoding[None, :], self._centres[chinese]) @ self._directions.T)[0]
        scores: dict[str, float] = {}
        for place, near in enumerate(nearness.tolist()):
            least, growth = OWN if self._chinese[place] == chinese else FOREIGN
            score = min((near - least) * growth, 1.0)
            if score > scores.get(self._entries[place], 0.0):
                scores[self._entries[place]] = score
        best = sorted(scores.items(), key=lambda found: found[1], reverse=True)[:limit]
        return tuple(Candidate(entry=entry, score=round(score, 4)) for entry, score in best)


def is_chinese(text: str, language: Language | None) -> bool:
    """Whether a text is nearer to Chinese than to English, as the encoder sees it."""
    return any("\u3400" <= character <= "\u9fff" for character in text) if language is None else language != Language.EN


def is_weak(candidates: Sequence[Candidate], text: str) -> bool:
    """Whether meaning could know better than words."""
    return len(text) <= MOST_CHARACTERS and (not candidates or candidates[0].score < WEAK)


def merged(by_words: Sequence[Candidate], by_meaning: Sequence[Candidate], limit: int = 3) -> tuple[Candidate, ...]:
    """Both, each entry once with its better score, best first."""
    scores: dict[str, float] = {}
    for candidate in (*by_words, *by_meaning):
        scores[candidate.entry] = max(candidate.score, scores.get(candidate.entry, 0.0))
    best = sorted(scores.items(), key=lambda found: found[1], reverse=True)[:limit]
    return tuple(Candidate(entry=entry, score=score) for entry, score in best)
