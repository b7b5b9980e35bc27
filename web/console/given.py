"""Why a conversation was given to somebody, in the reader's words."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from desk.choice import Missing, Why

_WHY = frozenset(word.value for word in Why)
_MISSING = frozenset(word.value for word in Missing)


def given(say: Callable[..., str], facts: Mapping[str, str]) -> str:
    """Of a line with the event `given`, as desk.routing writes it."""
    why = facts.get("why", "")
    sentence = say(f"routing.given_{why if why in _WHY else Why.NEXT}", to=facts.get("to", ""))
    lacks = [say(f"routing.lacks_{word}") for word in facts.get("lacks", "").split(",") if word in _MISSING]
    if not lacks:
        return sentence
    return say("routing.waited_too_long", sentence=sentence, lacks=say("routing.and").join(lacks))
