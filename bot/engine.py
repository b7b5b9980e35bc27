"""The conversation engine: from a Turn to its effects, pure and synchronous."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot import choices
from bot.coming_back import come_back
from bot.complaints import questions, record
from bot.complaints.facts import KINDS, WISHES
from bot.effects import Effect, Ignore, LinkByCode, Say
from bot.heard import COMPLAINTS, SOCIAL, Heard, hear, hear_each, hear_one, pieces
from bot.memory import CHOICE_AGE, Option
from bot.playbook import Playbook
from bot.proof import order_numbers
from bot.skill import Skill
from bot.skills import (
    abuse,
    attachments,
    clarification,
    complaint,
    consent,
    fallback,
    handoff,
    knowledge,
    opening,
    orders,
    requests,
    smalltalk,
    survey,
)
from bot.talk import LookupNeeded, Talk, quote
from bot.turn import Message, Turn
from channels.envelope import Event
from nlu.understanding import Intent

SKILLS: Mapping[str, Skill] = {
    skill.name: skill
    for skill in (
        consent.SKILL,
        abuse.SKILL,
        handoff.SKILL,
        survey.SKILL,
        knowledge.SKILL,
        orders.SKILL,
        complaint.SKILL,
        requests.SKILL,
        opening.SKILL,
        smalltalk.SKILL,
        attachments.SKILL,
        clarification.SKILL,
        fallback.SKILL,
    )
}
"""Everything the assistant can do, by name."""

BY_INTENT: Mapping[str, Skill] = {intent: skill for skill in SKILLS.values() for intent in skill.intents}

FLOOR: Sequence[Skill] = tuple(skill for skill in SKILLS.values() if skill.goes_on is not None)
"""Who may have the floor from an earlier Turn, in the order of SKILLS."""

MOST_NEEDS = 5
"""Needs that are met in one Turn."""
_FAREWELLS = frozenset({"thank", "goodbye"})
_FEW_WORDS = 25
"""Characters."""


def respond(turn: Turn, playbook: Playbook) -> tuple[Effect, ...]:
    """What should happen now. The same Turn and playbook have the same effects; nothing else enters.

    A Turn whose answer needs the business's system has one `Lookup` effect alone, and is run again with the result.
    """
    talk = Talk(turn, playbook)
    try:
        if turn.due is not None:
            come_back(talk, turn.due)
        elif not talk.ours:
            talk.act(Ignore(reason="people have this conversation"))
        elif not turn.messages:
            talk.act(Ignore(reason="an empty turn"))
        else:
            _answer(talk)
    except LookupNeeded as need:
        return (need.lookup,)
    return talk.finish()


def _answer(talk: Talk) -> None:
    """What must not wait goes first; then answers to our questions; then new needs; and back to what we had asked."""
    talk.learn()
    talk.aside = complaint.is_waiting(talk)
    _link(talk)
    _ = (
        _change_consent(talk)
        or _stop_abuse(talk)
        or _press(talk)
        or _choose(talk)
        or _call_people(talk)
        or _go_on(talk)
        or _speak_of_named_case(talk)
        or _meet_needs(talk)
    )
    _return_to_complaint(talk)
    for number in dict.fromkeys(number for message in talk.turn.messages for number in message.unproven_cases):
        complaint.suggest(talk, number)


def _link(talk: Talk) -> None:
    """A deep link carries the proof that another address is the same person's."""
    for message in talk.messages:
        if message.start_parameter:
            talk.act(LinkByCode(code=message.start_parameter[:512]))


def _change_consent(talk: Talk) -> bool:
    """A "stop" among other messages acts, and the others are answered too. True: there were no others.

    So does the word that takes an earlier "stop" back: carriers act on both wherever they come (CTIA).
    """
    stops = [message for message in talk.messages if consent.acts_anywhere(talk, hear_one(message))]
    if not stops:
        return False
    talk.heard = hear_one(stops[-1])
    _use(talk, consent.SKILL)
    others = [message for message in talk.messages if message not in stops]
    others += [piece for message in stops for piece in _questions_beside_stop(talk, message)]
    return not _keep(talk, others)


def _questions_beside_stop(talk: Talk, message: Message) -> list[Message]:
    heard = [(piece, hear_one(piece)) for piece in pieces(message) if piece is not message]
    return [piece for piece, words in heard if not consent.wants_stop(talk, words) and _skill_for(talk, words)]


def _stop_abuse(talk: Talk) -> bool:
    if not abuse.is_meant(talk):
        return False
    _use(talk, abuse.SKILL)
    return True


def _press(talk: Talk) -> bool:
    """A button: the option it stands for, or the truth that it is out of date. True: nothing else was said."""
    buttons = [message for message in talk.messages if _is_button(message)]
    if not buttons:
        return False
    others = _keep(talk, [message for message in talk.messages if not _is_button(message)])
    option = choices.pressed(talk.memory.choice, buttons[-1].text)
    if option is not None:
        _take(talk, option)
    elif not others:
        _ask_again(talk)
    return not others


def _is_button(message: Message) -> bool:
    return message.event is Event.CALLBACK or choices.TOKEN.fullmatch(message.text.strip()) is not None


def _ask_again(talk: Talk) -> None:
    """A button of an older question, or one that we never sent: it does nothing, and the open question stays."""
    choice = talk.memory.choice
    if choice is None:
        talk.say("choice.gone")
    else:
        talk.aside = False
        talk.skill = choice.options[0].skill if choice.options else ""
        talk.ask(talk.text("choice.gone_ask_again"), choice.options, about=choice.about)


def _choose(talk: Talk) -> bool:
    """Words that answer the open question."""
    choice = talk.memory.choice
    if choice is None:
        return False
    option = choices.meant(choice, talk.heard, talk.policy.confidence.sure)
    if option is not None:
        _take(talk, option)
        return True
    if clarification.is_confirmed(talk, choice):
        _take(talk, choice.options[0], and_then=talk.heard)
        return True
    choice.age += 1
    if choice.age >= CHOICE_AGE:
        talk.memory.choice = None
    return False


def _take(talk: Talk, option: Option, *, and_then: Heard | None = None) -> None:
    """Do what the option stands for; what was said before it is the matter again, where there was any.

    `and_then`: said instead of choosing, and part of the matter.
    """
    choice, talk.memory.choice = talk.memory.choice, None
    talk.memory.misunderstood = 0
    said = talk.heard
    if choice is not None and choice.about is not None:
        talk.heard = choice.about.and_then(and_then) if and_then is not None else choice.about
    skill = SKILLS.get(option.skill)
    if option.skill == clarification.SKILL.name and option.value in BY_INTENT:
        talk.heard = replace(talk.heard, intents=(Intent(name=option.value, confidence=1.0), *talk.heard.intents))
        _use(talk, BY_INTENT[option.value])
    elif skill is None or skill.chosen is None:
        talk.say("choice.gone")  # remembered by another version of the house
    else:
        talk.skill = skill.name
        skill.chosen(talk, option)
    talk.heard = said


def _call_people(talk: Talk) -> bool:
    """Somebody asks for a person, or speaks of lawyers: that is never argued with."""
    asked = any(_asks_for_person(talk, hear_one(message)) for message in talk.messages)
    if not asked and not handoff.legal(talk):
        return False
    _use(talk, handoff.SKILL)
    return True


def _asks_for_person(talk: Talk, heard: Heard) -> bool:
    intent = heard.intent
    sure = talk.policy.confidence.sure
    return intent is not None and intent.name == "human_request" and intent.confidence >= sure


def _go_on(talk: Talk) -> bool:
    """Whoever had asked something hears the answer."""
    for skill in FLOOR:
        if skill.goes_on is not None:
            talk.skill = skill.name
            if skill.goes_on(talk):
                talk.memory.misunderstood = 0
                return True
    return False


def _speak_of_named_case(talk: Talk) -> bool:
    """ "#C-1042" is what they are about, unless they surely want something else beside it."""
    wanted = _skill_for(talk, talk.heard)
    if wanted not in {None, complaint.SKILL}:
        return False
    talk.skill = complaint.SKILL.name
    for message in talk.messages:
        if any(complaint.speak_of(talk, number) for number in message.cases):
            return True
        if wanted is None and message.unproven_cases:
            complaint.speak_of_unproven(talk, message.unproven_cases[0])
            return True
    return False


@dataclass(frozen=True, slots=True)
class Need:
    """What somebody wants, and the words in which it was said."""

    skill: Skill
    heard: Heard


def _meet_needs(talk: Talk) -> bool:
    needs, unclear = _needs(talk)
    aside = talk.aside
    for number, need in enumerate(needs, start=1):
        talk.heard = need.heard
        talk.aside = aside or number < len(needs)
        _use(talk, need.skill)
        if need.skill not in {fallback.SKILL, clarification.SKILL}:
            talk.memory.misunderstood = 0
    if unclear:
        talk.skill = clarification.SKILL.name
        talk.say("clarify.rest", words=quote(unclear[0].text, 60))
    return True


def _needs(talk: Talk) -> tuple[list[Need], list[Heard]]:
    """The needs of this Turn, and what of it is not understood beside them.

    Manners beside a matter are no need of their own, and a complaint takes everything. What two messages say for one
    skill belongs together; two questions to the shop's knowledge are two.
    """
    skill = _skill_for(talk, talk.heard)
    needs, unclear = ({}, []) if skill is complaint.SKILL else _needs_one_by_one(talk)
    if complaint.SKILL.name in needs:
        return [Need(complaint.SKILL, talk.heard)], []
    if len(needs) > 1 or (needs and unclear):
        found = list(needs.values())
        return found[:MOST_NEEDS], [*unclear, *(need.heard for need in found[MOST_NEEDS:])]
    return [Need(skill or _best_guess(talk), talk.heard)], []


def _needs_one_by_one(talk: Talk) -> tuple[dict[str, Need], list[Heard]]:
    """Each message and each question by itself; nothing where there is one only."""
    said = [heard for message in talk.messages for heard in hear_each(message)]
    needs: dict[str, Need] = {}
    unclear: list[Heard] = []
    for heard in said if len(said) > 1 else ():
        if (heard.intent is not None and heard.intent.name in SOCIAL) or not heard.text:
            continue
        skill = _skill_for(talk, heard) or _answer_known(talk, heard)
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


def _skill_for(talk: Talk, heard: Heard) -> Skill | None:
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
    if fallback.speaks_otherwise(talk):
        return fallback.SKILL
    patient = talk.memory.misunderstood + 1 < talk.policy.misunderstandings
    return clarification.SKILL if patient and clarification.guesses(talk) else fallback.SKILL


def _return_to_complaint(talk: Talk) -> None:
    """Something in between is answered: gently back to the question that is still open."""
    spoken = {effect.skill for effect in talk.effects if isinstance(effect, Say)}
    if not complaint.is_waiting(talk) or talk.memory.order is not None or complaint.SKILL.name in spoken:
        return
    open_one, told = talk.memory.complaint, talk.memory.told
    if open_one is not None and open_one.asked == "order" and told:
        talk.skill = complaint.SKILL.name
        record.take_order(talk, open_one, told)
    else:
        questions.go_back(talk)


def _use(talk: Talk, skill: Skill) -> None:
    talk.skill = skill.name
    skill.answer(talk)


def _keep(talk: Talk, messages: Sequence[Message]) -> bool:
    """Go on with these messages only; False where none is left."""
    talk.messages = tuple(messages)
    talk.heard = hear(messages) if messages else Heard()
    return bool(messages)
