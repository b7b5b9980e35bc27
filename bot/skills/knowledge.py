"""Knowledge: questions answered from the business's own files, with the source, and a way to say "not what I meant"."""

from __future__ import annotations

import re

from bot.heard import COMPLAINTS, Heard
from bot.memory import Option
from bot.proof import order_numbers
from bot.skill import Skill
from bot.skills import handoff
from bot.talk import Talk
from nlu.understanding import Candidate

_FEW_WORDS = 40
"""Characters."""
_NOT_MEANT = re.compile(
    r"不是[这這那我啦啊哦喔]|不是$|答非所[问問]|[没沒]回答|[问問]的不是|不[对對]|[没沒](?:用|帮助|幫助)|看不懂"
    r"|\bnot (?:what|that|the)\b|\bwrong\b|\bno use\b"
    r"|(?:did not|didn't|didnt) (?:ask|mean|answer)|(?:does not|doesn't|doesnt) (?:help|answer)",
    re.IGNORECASE,
)

_HOW_TO_REACH = re.compile(
    r"有.{0,4}(?:[电電][话話]|[热熱][线線])|(?:[电電][话話]|[热熱][线線]|[邮郵]箱|電郵)(?:[号號][码碼])?(?:是多少|是什[么麼]|多少)"
    r"|打[个個]?[电電][话話].{0,4}[吗嗎]|phone number|hotline|mail address"
    r"|\bcan i (?:call|phone|ring) (?:you|somebody|someone)",
    re.IGNORECASE,
)
_CALL_ME = re.compile(r"[给給]我.{0,4}打|打.{0,4}[给給]我|回[个個]?[电電]|\bcall me\b|my phone number", re.IGNORECASE)

QUESTIONS = frozenset(
    {
        "shipping_question",
        "payment_question",
        "product_question",
        "price_question",
        "stock_question",
        "discount_question",
        "warranty_question",
        "membership_points",
    }
)


def answer(talk: Talk) -> None:
    entries = likely(talk, talk.heard, talk.policy.confidence.knowledge_least)
    if entries:
        show(talk, entries)
    else:
        handoff.offer_person(talk, "knowledge.none")


def goes_on(talk: Talk) -> bool:
    """ "That does not help" right after an answer means: another answer, please."""
    choice = talk.memory.choice
    just_answered = choice is not None and choice.options[:1] and choice.options[0].skill == SKILL.name
    if just_answered and choice is not None and choice.age <= 1 and _finds_fault_with_answer(talk):
        _show_next(talk)
        return True
    return False


def chosen(talk: Talk, option: Option) -> None:
    match option.does:
        case "next":
            _show_next(talk)
        case _:
            talk.say("small.resume")


def tells_how_to_reach(talk: Talk) -> bool:
    """ "Do you have a phone number?" sounds like asking for a person, and is answered, with the person a button away.
    False: it is no such question, or nothing is known about it."""
    text = talk.heard.text
    if len(text) > _FEW_WORDS or _HOW_TO_REACH.search(text) is None or _CALL_ME.search(text):
        return False
    about = talk.policy.topics.get("human_request", ())
    best = likely(talk, talk.heard, talk.policy.confidence.knowledge)[:1]
    if not best or best[0].partition("#")[0] not in about:
        return False
    talk.skill = SKILL.name
    show(talk, best, more=(Option(talk.text("button.person"), handoff.SKILL.name, "person"),))
    return True


def likely(talk: Talk, heard: Heard, least: float) -> list[str]:
    """Entries that may answer it and that this customer may see, best first; empty where the best is below `least`."""
    guessed = heard.intent is not None and heard.intent.confidence >= talk.policy.confidence.maybe
    about = talk.policy.topics.get(heard.intent.name, ()) if heard.intent is not None and guessed else ()
    bonus = talk.policy.confidence.topic_bonus
    scored = [
        (candidate.score + (bonus if candidate.entry.partition("#")[0] in about else 0), candidate.entry)
        for candidate in heard.knowledge
        if _may_see(talk, candidate)
    ]
    scored.sort(key=lambda pair: -pair[0])
    if not scored or scored[0][0] < least:
        return []
    weakest = min(least, talk.policy.confidence.knowledge_least)  # worse ones are not worth a "perhaps"
    return [entry for score, entry in scored if score >= weakest]


def show(talk: Talk, entries: list[str], *, lead: str = "", more: tuple[Option, ...] = ()) -> None:
    """Answer with the first entry; the others may be asked for. `lead` stands before it, `more` beside the button."""
    entry = talk.playbook.entry(entries[0], talk.language)
    if entry is None:
        handoff.offer_person(talk, "knowledge.none")
        return
    talk.memory.knowledge = entries[:4]
    answer = (entry.short if talk.short else None) or entry.answer
    text = talk.text("knowledge.answer", answer=answer, source=entry.source)
    not_meant = Option(talk.text("button.not_meant"), SKILL.name, "next")
    talk.ask(f"{lead}\n\n{text}" if lead else text, (not_meant, *more), about=talk.heard if more else None)


def _finds_fault_with_answer(talk: Talk) -> bool:
    """A few words against the answer; a broken pot is no fault of the answer."""
    complaining = talk.heard.confidence(*COMPLAINTS) >= talk.policy.confidence.maybe
    short = len(talk.heard.text) <= _FEW_WORDS and not order_numbers(talk, talk.heard)
    against = talk.sure("dissatisfied", "correct_fact") or (
        talk.heard.confidence("deny", "dissatisfied", "correct_fact") >= talk.policy.confidence.maybe
        and _NOT_MEANT.search(talk.heard.text) is not None
    )
    return short and not complaining and against


def _show_next(talk: Talk) -> None:
    entries = talk.memory.knowledge[1:]
    if entries:
        show(talk, entries, lead=talk.text("knowledge.perhaps"))
    else:
        talk.memory.knowledge = []
        handoff.offer_person(talk, "knowledge.no_more")


def _may_see(talk: Talk, candidate: Candidate) -> bool:
    entry = talk.playbook.entry(candidate.entry, talk.language)
    return entry is not None and entry.is_for(talk.turn.contact.tier)


SKILL = Skill(name="knowledge", answer=answer, intents=QUESTIONS, goes_on=goes_on, chosen=chosen)
