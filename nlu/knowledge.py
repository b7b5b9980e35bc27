"""Which entries of the business's knowledge may answer a text: lexical retrieval over an inverted index.

A score is the share of the text's information that an entry accounts for: each term weighs as much as it tells entries
apart, what the entry says in its questions counts in full and what only its body says counts in part. Terms that no
entry knows weigh like rare ones, so that a text about something else scores low however long it is, and scores of
different texts can be held against one threshold.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log
from operator import itemgetter

from nlu.understanding import Candidate, KnowledgeDocument, Language

MOST_CHARACTERS = 1200
"""Longer texts are read at both ends."""
MOST_SENTENCES = 12
_NOTHING_RELEVANT = 0.3
"""Below this, entries in other languages are asked too."""
_FOREIGN = 0.95
"""What an answer in another language is worth beside one in the customer's."""
_IN_BODY = 0.5
"""What a term counts that only the answer mentions."""
_PART = 0.95
"""What one sentence's answer is worth, beside an answer to the whole text."""
_EXACT = 0.35
"""The part of a score that depends on how much of a question the text repeats."""
_ASKED_OTHERWISE = 0.6
"""What of that is left where one asks how something is done and the other does not: "how do I return it" is not
answered by what can be returned."""
_SHARPNESS = 1.4
"""Over 1: half of the information found is worth less than half."""
_SHORTLIST = 2
"""So many entries more than asked for are looked at closely."""
_LEAST = 0.05

_CHARACTER = 0.35
"""A single Han character beside a pair of them."""
_LONE_CHARACTER = 0.5
"""A Han character that stands alone once the function words around it are gone."""
_ALONE = 0.4
"""What a score is worth where nothing but single Han characters was found."""
_UNKNOWN_PAIR = 0.7
"""A pair of Han characters that no entry has: often not a word, but the seam between two."""


class KnowledgeIndex:
    """Finds entries. Built once for a playbook, never changed."""

    def __init__(self, documents: Sequence[KnowledgeDocument]) -> None:
        by_language: dict[Language, list[KnowledgeDocument]] = {}
        for document in documents:
            by_language.setdefault(document.language, []).append(document)
        self._parts = {language: _Part(of_language) for language, of_language in by_language.items()}

    def search(self, text: str, language: Language | None, limit: int = 3) -> tuple[Candidate, ...]:
        """The best entries for a text, best first; none where nothing of it is known.

        Entries in `language` come first; where none of them is relevant, or the language is not known, those in other
        languages count too. An entry is named once, whatever languages it exists in.
        """
        sentences = [(terms, _asks_how(words)) for words in _sentences(text) if (terms := _terms(words))]
        if not sentences:
            return ()
        scores: dict[str, float] = {}
        own = self._parts.get(language) if language else None
        if own is not None:
            own.score(sentences, limit, 1.0, scores)
        if max(scores.values(), default=0.0) < _NOTHING_RELEVANT:
            for other in self._parts.values():
                if other is not own:
                    other.score(sentences, limit, _FOREIGN if own else 1.0, scores)
        best = sorted(scores.items(), key=_SCORE, reverse=True)[:limit]
        return tuple(Candidate(entry=entry, score=round(score, 4)) for entry, score in best if score >= _LEAST)


_SCORE = itemgetter(1)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Question:
    """One way to ask for an entry."""

    terms: frozenset[str]
    weight: float
    how: bool
    """It asks how something is done."""


class _Part:
    """The entries of one language."""

    def __init__(self, documents: Sequence[KnowledgeDocument]) -> None:
        self._entries = [document.entry for document in documents]
        asked = [[_all_terms(question) for question in document.questions] for document in documents]
        told = [_all_terms(document.body) for document in documents]
        known: dict[str, int] = {}
        for questions, body in zip(asked, told, strict=True):
            for term in set(body).union(*questions):
                known[term] = known.get(term, 0) + 1
        self._rarest = log(1 + len(documents) / 1.5)
        self._weights = {term: log(1 + len(documents) / (count + 0.5)) * _kind(term) for term, count in known.items()}
        self._questions = [
            tuple(
                self._question(terms, how=_asks_how(_folded(question)))
                for terms, question in zip(questions, document.questions, strict=True)
                if terms
            )
            for questions, document in zip(asked, documents, strict=True)
        ]
        self._postings: dict[str, list[tuple[int, float]]] = {}
        for number, (questions, body) in enumerate(zip(asked, told, strict=True)):
            in_questions = set[str]().union(*questions)
            telling = (term for term in body if _kind(term) == 1.0)  # a lone character of an answer tells little
            for term in in_questions.union(telling):
                found = self._weights[term] * (1.0 if term in in_questions else _IN_BODY)
                self._postings.setdefault(term, []).append((number, found))

    def score(
        self,
        sentences: Sequence[tuple[Mapping[str, float], bool]],
        limit: int,
        worth: float,
        scores: dict[str, float],
    ) -> None:
        """Enter the best entries, each with its best score over the sentences, into `scores`. A sentence is its terms,
        and whether it asks how something is done."""
        if len(sentences) > 1:
            worth *= _PART
        for terms, how in sentences:
            for number, score in self._of_sentence(terms, limit, how=how):
                entry = self._entries[number]
                if score * worth > scores.get(entry, 0.0):
                    scores[entry] = score * worth

    def _of_sentence(self, terms: Mapping[str, float], limit: int, *, how: bool) -> Iterator[tuple[int, float]]:
        found: dict[int, float] = {}
        whole = 0.0
        for term, share in terms.items():
            postings = self._postings.get(term)
            if postings is None:
                whole += self._rarest * _unknown(term) * share
                continue
            whole += self._weights[term] * share
            for number, weight in postings:
                found[number] = found.get(number, 0.0) + weight * share
        if all(_kind(term) < 1.0 for term in terms if term in self._postings):
            whole /= _ALONE  # "好的", "人呢": no word of it is known, only a character
        present = frozenset(terms)
        for number, weight in sorted(found.items(), key=_SCORE, reverse=True)[: limit + _SHORTLIST]:
            share = min(1.0, weight / whole) ** _SHARPNESS
            yield number, share * (1 - _EXACT + _EXACT * self._repeated(number, present, how=how))

    def _repeated(self, number: int, present: frozenset[str], *, how: bool) -> float:
        """How much of the question nearest to the text stands in the text."""
        weigh = self._weights.__getitem__
        most = 0.0
        for question in self._questions[number]:
            repeated = sum(map(weigh, question.terms & present)) / question.weight
            if question.how is not how:
                repeated *= _ASKED_OTHERWISE
            most = max(most, repeated)
        return most

    def _question(self, terms: Mapping[str, float], *, how: bool) -> _Question:
        return _Question(terms=frozenset(terms), weight=sum(self._weights[term] for term in terms), how=how)


def _kind(term: str) -> float:
    return _CHARACTER if len(term) == 1 and term >= "\u3400" else 1.0


def _unknown(term: str) -> float:
    if term < "\u3400":
        return 1.0
    return _CHARACTER if len(term) == 1 else _UNKNOWN_PAIR


_SENTENCE = re.compile(r"[^.!?;。！？；\n]+(?:\.(?=\S)[^.!?;。！？；\n]*)*")
_PIECES = re.compile(r"[\u3400-\u9fff]+|[^\W_\u3400-\u9fff]+(?:'[a-z]+)?")


_HOW = re.compile(
    r"\bhow (?:do(?:es)?|can|could|should|would|to)\b|\bsteps?\b"
    r"|(?:怎么|咋)(?![样还没不这那了]|回事)|怎样|如何|流程|步骤"
)


def _asks_how(sentence: str) -> bool:
    """How something is done; of a folded sentence."""
    return _HOW.search(sentence) is not None


def _sentences(text: str) -> list[str]:
    """The sentences of a text, folded; of many, those at its ends."""
    if len(text) > MOST_CHARACTERS:
        half = MOST_CHARACTERS // 2
        text = f"{text[:half]}\n{text[-half:]}"
    sentences: list[str] = _SENTENCE.findall(_folded(text))
    if len(sentences) > MOST_SENTENCES:
        half = MOST_SENTENCES // 2
        sentences = sentences[:half] + sentences[-half:]
    return sentences


def _folded(text: str) -> str:
    """Width, case, curly apostrophes and the script of Chinese carry no question."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", text).replace("\u2019", "'").lower().translate(_simplified())


@lru_cache(maxsize=1)
def _simplified() -> dict[int, str]:
    """Traditional characters to simplified ones; characters alone, since n-grams are compared, not words."""
    from opencc import OpenCC  # some 30 ms, and only where there is Chinese

    han = [chr(code) for code in range(0x4E00, 0xA000)]
    simple = str(OpenCC("t2s").convert("\n".join(han))).split("\n")  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    return {ord(old): new for old, new in zip(han, simple, strict=True) if old != new}


def _all_terms(text: str) -> dict[str, float]:
    terms: dict[str, float] = {}
    for sentence in _SENTENCE.findall(_folded(text)):
        terms.update(_terms(sentence))
    return terms


def _terms(sentence: str) -> dict[str, float]:
    """The terms of a folded sentence, each with its share of attention: stems of words; pairs of Han characters, and
    single ones for less."""
    terms: dict[str, float] = {}
    if not sentence.isascii():
        sentence = _FUNCTION_HAN.sub(" ", sentence)
    for piece in _PIECES.findall(sentence):
        _enter(piece, terms)
    return terms


def _enter(piece: str, terms: dict[str, float]) -> None:
    if piece < "\u3400":
        if piece not in _FUNCTION_WORDS:
            terms[_stem(piece)] = 1.0
        return
    if len(piece) == 1:
        terms[piece] = _LONE_CHARACTER / _CHARACTER
        return
    for character in piece:
        terms.setdefault(character, 1.0)
    for start in range(len(piece) - 1):
        terms[piece[start : start + 2]] = 1.0


_FUNCTION_HAN = re.compile(
    "可不可以|能不能|有没有|是不是|为什么|怎么样|怎么办|请问|你们|您们|我们|他们|什么|怎么|怎样|怎办|如何|哪个|哪些|哪种|可以|可否"
    "|能否|是否|一下|一个|这个|那个|这些|那些|这样|那样|还是|或者|因为|所以|但是|不过|如果|的话|知道|告诉|想问|咨询|麻烦|谢谢|你好|您好|哈喽|在吗"
    "|会(?!员)|能(?!量)|有(?![货效机])|[的了吗呢吧啊呀哦嘛么呗哈嗯唉哎亲咋我你您他她它们就都也很太更最把被让给跟和与及或在是想请问要该这那些啥]"
)
"""Words of Chinese that belong to no subject; longer ones first. Removed from entries and texts alike."""


def _stem(word: str) -> str:
    """The stem of an English word, roughly: forms of one word should meet, and need not be words."""
    if len(word) < 4:
        return word
    word = "cannot" if word in {"can't", "cant"} else word
    word = word.removesuffix("'s")
    for suffix, least in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= least:
            word = word[: -len(suffix)]
            break
    if len(word) > 4 and word[-1] == word[-2] and word[-1] not in "ls":
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word[-1] in "ey" else word


_SUFFIXES = (
    ("iness", 3), ("ations", 4), ("ation", 4), ("ments", 3), ("ment", 3), ("ships", 5), ("ship", 5), ("ings", 3),
    ("ing", 3), ("ies", 3), ("ied", 3), ("ers", 4), ("er", 4), ("ed", 3), ("ly", 4), ("es", 3), ("s", 3),
)  # fmt: skip

_ENGLISH = """
a an the this that these those it its i i'm i'd i'll i've im me my mine we our us you your yours u ur he him his she
her they them their who whom whose which what what's whats how how's why is are am was were be
been being do does did done doing don't dont doesn't didn't have has had having haven't can could
would will won't shall should may might must to of in on at for from with by about into onto as and or but if so
than then there here some any all just also too very really please pls plz hi hello hey thanks thank ok okay yes no
not want would like know tell need get got let say one ones s t re ve ll d m up out off
wonder wondering question ask possible anyone someone something anything help dear there's it's that's
"""
_FUNCTION_WORDS = frozenset(_ENGLISH.split())
"""Words of English that belong to no subject."""
