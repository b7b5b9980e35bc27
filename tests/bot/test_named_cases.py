"""A case number in a message: it is about that case where it is theirs; where that is unknown, a person finds out."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import pytest

from bot.effects import OpenCase, Say, UpdateCase
from bot.engine import respond
from bot.turn import CaseFacts, CaseKind, CaseStatus, Message, Owner, Promise, Turn
from tests.bot.people import NOON, message, shop, turn, understood

T = TypeVar("T")

OURS = CaseFacts(
    number="C-1007",
    kind=CaseKind.COMPLAINT,
    status=CaseStatus.OPEN,
    step=None,
    subject="a broken kettle",
    facts={},
    opened_at=NOON,
    promises=(Promise(id="C-1007-1", text="a new kettle", due=NOON),),
)


def naming(text: str, *intents: str, cases: tuple[str, ...] = (), unproven: tuple[str, ...] = ()) -> Message:
    return replace(message(text, understood(*intents)), cases=cases, unproven_cases=unproven)


def effects(turn: Turn, kind: type[T]) -> list[T]:
    return [effect for effect in respond(turn, shop()) if isinstance(effect, kind)]


def test_a_case_of_theirs_that_is_named_is_spoken_of_on_whatever_channel() -> None:
    asked = turn(naming("any news on C-1007?", cases=("C-1007",)), cases=(OURS,))
    (said,) = effects(asked, Say)
    assert "C-1007" in said.text
    assert "a new kettle" in said.text
    assert [(update.number, update.note) for update in effects(asked, UpdateCase)] == [
        ("C-1007", "any news on C-1007?")
    ]
    assert effects(asked, OpenCase) == []


def test_the_case_that_is_named_counts_and_not_the_latest() -> None:
    later = replace(OURS, number="C-1009", subject="a wrong lid", promises=())
    asked = turn(naming("it came again!", "complaint_quality", cases=("C-1007",)), cases=(later, OURS))
    assert [update.number for update in effects(asked, UpdateCase)] == ["C-1007"]


def test_a_closed_case_that_is_named_does_not_swallow_a_new_complaint() -> None:
    closed = replace(OURS, status=CaseStatus.CLOSED)
    asked = turn(naming("C-1007 broke again", "complaint_quality", cases=("C-1007",)), cases=(closed,))
    assert [case.kind for case in effects(asked, OpenCase)] == [CaseKind.COMPLAINT]


def test_a_question_beside_the_number_is_answered() -> None:
    asked = turn(naming("C-1007. When are you open?", "opening_hours", cases=("C-1007",)), cases=(OURS,))
    assert effects(asked, UpdateCase) == []


def test_a_case_that_may_be_somebody_elses_becomes_a_case_of_its_own_with_a_suggestion_to_agents() -> None:
    asked = turn(naming("what about C-1007?", unproven=("C-1007",)))
    (opened,) = effects(asked, OpenCase)
    assert (opened.number, opened.kind, opened.subject) == ("C-1042", CaseKind.REQUEST, "what about C-1007?")
    (noted,) = effects(asked, UpdateCase)
    assert noted.number == "C-1042"
    assert noted.note is not None
    assert "C-1007" in noted.note
    (said,) = effects(asked, Say)
    assert "C-1007" in said.text
    assert "kettle" not in said.text


def test_a_complaint_that_names_a_case_of_unknown_owner_is_one_new_case_with_the_suggestion() -> None:
    asked = turn(naming("my kettle from C-1007 is broken", "complaint_quality", unproven=("C-1007",)))
    (opened,) = effects(asked, OpenCase)
    assert opened.kind is CaseKind.COMPLAINT
    assert any("C-1007" in (update.note or "") for update in effects(asked, UpdateCase))


def test_naming_it_again_opens_no_second_case() -> None:
    before = replace(OURS, number="C-1040", kind=CaseKind.REQUEST, facts={"names_case": "C-1007"}, promises=())
    asked = turn(naming("C-1007??", unproven=("C-1007",)), cases=(before,))
    assert effects(asked, OpenCase) == []
    assert [update.number for update in effects(asked, UpdateCase)] == ["C-1040"]


@pytest.mark.parametrize("owner", [Owner.QUEUE, Owner.AGENT])
def test_where_people_have_the_conversation_they_read_the_number_themselves(owner: Owner) -> None:
    asked = turn(naming("C-1007", unproven=("C-1007",)), owner=owner)
    assert effects(asked, OpenCase) == []
