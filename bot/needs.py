"""Needs: what a customer wants, in one Turn or in several words of it, and which skill answers that."""

from __future__ import annotations

from dataclasses import dataclass

from bot.complaints.facts import KINDS, WISHES
from bot.heard import COMPLAINTS, SOCIAL, Heard, hear_each
from bot.proof import order_numbers
from bot.repertoire import BY_INTENT
from bot.skill import Skill
from bot.skills import attachments, clarification, complaint, fallback, knowledge, orders, requests, smalltalk
from bot.talk import Talk

MOST_NEEDS = 5
"""Needs that are met in one Turn."""
_FAREWELLS = frozenset({"thank", "goodbye"})
_FEW_WORDS = 25
"""Characters."""


@dataclass(frozen=True, slots=True)
class Need:
    """What somebody wants, and the words in which it was said."""

    skill: Skill
    heard: Heard


def needs_in(talk: Talk) -> tuple[list[Need], list[Heard]]:
    """The needs of this Turn, and what of it is not understood beside them.

    Manners beside a matter are no need of their own, and a complaint takes everything. What two messages say for one
    skill belongs together; two questions to the shop's knowledge are two.
    """
    skill = skill_for(talk, talk.heard)
    needs, unclear = ({}, []) if skill is complaint.SKILL else _needs_one_by_one(talk)
    if complaint.SKILL.name in needs:
        return [Need(complaint.SKILL, talk.heard)], []
    if len(needs) > 1 or (needs and unclear):
        found = [need for need in needs.values() if _has_answer(talk, need)] or list(needs.values())
        unclear += [need.heard for need in needs.values() if need not in found]
        return found[:MOST_NEEDS], [*unclear, *(need.heard for need in found[MOST_NEEDS:])]
    return [Need(skill or _best_guess(talk), talk.heard)], []


def _has_answer(talk: Talk, need: Need) -> bool:
    """A question among others that the knowledge has no answer to is named when we say so."""
    least = talk.policy.confidence.knowledge_least
    return need.skill is not knowledge.SKILL or bool(knowledge.likely(talk, need.heard, least))


def _needs_one_by_one(talk: Talk) -> tuple[dict[str, Need], list[Heard]]:
    """Each message and each question by itself; nothing where there is one only."""
    said = [heard for message in talk.messages for heard in hear_each(message)]
    needs: dict[str, Need] = {}
    unclear: list[Heard] = []
    for heard in said if len(said) > 1 else ():
        if (heard.intent is not None and heard.intent.name in SOCIAL) or not heard.text:
            continue
        skill = skill_for(talk, heard) or _answer_known(talk, heard)
        if skill is None:
            unclear.append(heard)
            continue
        many = heard.intent is not None and skill in {knowledge.SKILL, requests.SKILL}
        topic = f"{skill.name} {_topic(talk, heard)}" if many else skill.name
        known = needs.get(topic)
        needs[topic] = Need(skill, known.heard.and_then(heard) if known else heard)
    return needs, unclear


def _answer_known(talk: Talk, heard: Heard) -> Skill | None:
    """Half understood, but the knowledge has an answer to the words."""
    return knowledge.SKILL if knowledge.likely(talk, heard, talk.policy.confidence.knowledge) else None


def _topic(talk: Talk, heard: Heard) -> str:
    """Two questions that have the same answer are one."""
    return next(iter(knowledge.likely(talk, heard, talk.policy.confidence.knowledge_least)), heard.text)


def skill_for(talk: Talk, heard: Heard) -> Skill | None:
    """The skill for what was surely understood."""
    intent = heard.intent
    if intent is None or intent.confidence < talk.policy.confidence.sure:
        return None
    skill = BY_INTENT.get(intent.name)
    if intent.name in {*WISHES, "correct_fact"} and heard.confidence(*COMPLAINTS) >= talk.policy.confidence.maybe:
        return complaint.SKILL  # "it is broken, I want my money back": the wish is part of the complaint
    if intent.name in _FAREWELLS and _asks_something(talk, heard):
        return knowledge.SKILL
    if intent.name == "correct_fact" and talk.memory.complaint is None and len(heard.text) > _FEW_WORDS:
        return None  # nothing is open that could be corrected: it is about something else
    return skill


def _asks_something(talk: Talk, heard: Heard) -> bool:
    """The manners are louder than the question before them: "how much is shipping? thanks!" """
    asks = "?" in heard.text or "？" in heard.text
    return asks and bool(knowledge.likely(talk, heard, talk.policy.confidence.knowledge))


def _best_guess(talk: Talk) -> Skill:
    """Nothing was surely understood: what it most likely is, or what it may be, or that we do not understand."""
    heard = talk.heard
    if not heard.text or attachments.is_only_an_address(heard):
        return attachments.SKILL
    complaining = {*KINDS, "anger", "dissatisfied"}
    if heard.confidence(*KINDS) >= talk.policy.confidence.maybe:
        complaining |= set(WISHES)
    if sum(intent.confidence for intent in heard.intents if intent.name in complaining) >= talk.policy.confidence.sure:
        return complaint.SKILL  # surely a complaint, and only not sure about what
    if order_numbers(talk, heard) or orders.is_asked_again(talk):
        return orders.SKILL
    if knowledge.likely(talk, heard, talk.policy.confidence.knowledge):
        return knowledge.SKILL
    intent = heard.intent
    if intent is not None and intent.name in SOCIAL and intent.confidence >= talk.policy.confidence.maybe:
        return smalltalk.SKILL
    if talk.heard.otherwise:
        return fallback.SKILL
    patient = talk.memory.misunderstood + 1 < talk.policy.misunderstandings
    return clarification.SKILL if patient and clarification.guesses(talk) else fallback.SKILL
