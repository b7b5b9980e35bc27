"""Why we ask: somebody who wants to know before they tell is told, and somebody who will not tell is not pressed."""

from __future__ import annotations

import re

_WHY = re.compile(
    r"[为為][什甚][么麼]|[为為]何|[凭憑]什[么麼]|干[嘛吗]|[幹做][嘛嗎]|有什[么麼]用|[问問要][这這]个?個?(?:做|干|幹)什[么麼]"
    r"|\bwhy\b|\bwhat (?:do you need|is|'s) (?:it|that|this|my \w+)?.{0,12}\bfor\b|\bhow come\b",
    re.IGNORECASE,
)
_ABOUT_IT = re.compile(
    r"要|问|問|需|给|給|提供|核[对對]|手[机機]|[电電][话話]|[号號]|末四|后四|後四|[邮郵]箱|[这這]"
    r"|\b(?:need|ask|asking|want|give|tell|phone|number|digits|mail|e-?mail|details|that|this|it|know|personal)\b",
    re.IGNORECASE,
)
_ABOUT_THE_MATTER = re.compile(
    r"[没沒][到收发發有]|[还還]不|不[发發到退]|[这這]么|[这這]麼|那么|那麼|多久|这样|這樣|\b(?:late|arrived?|yet|take|takes|taking|long|refunded|happen)",
    re.IGNORECASE,
)
_LONGEST = 60
"""Characters: a longer text says more than that."""
_REFUSES = re.compile(
    r"不(?:想|愿意?|願意?|要|会|會|能|方便|可以)?(?:给|給|说|說|告[诉訴]|提供|透露|留)|不方便|[隐隱]私|[个個]人[信资資][息料]|"
    r"\b(?:won'?t|will not|(?:don'?t|do not) (?:want to|wanna|give|share)|not (?:giving|telling|sharing)|"
    r"rather not|refuse|private|none of your business)\b",
    re.IGNORECASE,
)
_REASONS = {
    "proof": "why.proof",
    "number": "why.order",
    "order": "why.order",
    "reach": "why.reach",
}


def asked(text: str, fact: str) -> str | None:
    """The key of the reason why `fact` is asked for, where they want to know it; None: they ask nothing of the kind."""
    if len(text) > _LONGEST or (match := _WHY.search(text)) is None or _ABOUT_THE_MATTER.search(text):
        return None
    alone = sum(character.isalnum() for character in text) <= len(match[0]) + 2
    return _REASONS.get(fact, "why.other") if alone or _ABOUT_IT.search(text) else None


def refuses(text: str) -> bool:
    """They would rather not tell."""
    return len(text) <= _LONGEST and _REFUSES.search(text) is not None
