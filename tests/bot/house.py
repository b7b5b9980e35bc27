"""A house around the engine, for tests: it keeps memory, cases and follow-ups as the gateway would."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.assistant import Answer, Ask, AssistantFacts, Reply, Trouble
from bot.effects import (
    AskAssistant,
    CancelFollowUps,
    Effect,
    HandOff,
    LearnAboutContact,
    Lookup,
    MakePromise,
    OpenCase,
    PlanFollowUp,
    RecordConsent,
    Remember,
    Say,
    UpdateCase,
)
from bot.engine import respond
from bot.playbook import Playbook
from bot.turn import (
    CaseFacts,
    CaseStatus,
    ChannelFacts,
    ContactFacts,
    FollowUpDue,
    FollowUpKind,
    Json,
    LookupKind,
    LookupResult,
    Message,
    OrderFacts,
    Owner,
    Turn,
)
from nlu.understanding import Language
from tests.bot.people import NOON, WEBCHAT, shop, turn

STEP = timedelta(seconds=20)
"""Between two messages: longer than the settle window."""


@dataclass
class House:
    """One conversation, kept."""

    playbook: Playbook = field(default_factory=shop)
    channel: ChannelFacts = WEBCHAT
    contact: ContactFacts = field(default_factory=lambda: ContactFacts(id=7))
    orders: tuple[OrderFacts, ...] = ()
    lookup_failure: str | None = None
    now: datetime = NOON
    owner: Owner = Owner.BOT
    memory: dict[str, Json] = field(default_factory=dict[str, Json])
    cases: dict[str, CaseFacts] = field(default_factory=dict[str, CaseFacts])
    plans: dict[str, PlanFollowUp] = field(default_factory=dict[str, PlanFollowUp])
    turns: list[Turn] = field(default_factory=list[Turn])
    assistant: Mapping[str, tuple[Reply, ...]] | None = None
    """What the business's own assistant answers to each text, where there is one; nothing to any other."""
    trouble: Trouble | None = None
    """Why it does not answer just now."""
    asked: list[Ask] = field(default_factory=list[Ask])

    def hear(self, *messages: Message) -> tuple[Effect, ...]:
        self.now += STEP
        return self._run(self._turn(messages))

    def come_back(self, kind: FollowUpKind) -> tuple[Effect, ...]:
        """The next follow-up of this kind is due."""
        plan = min((plan for plan in self.plans.values() if plan.kind is kind), key=lambda plan: plan.due)
        del self.plans[plan.key]
        self.now = max(self.now, plan.due)
        due = FollowUpDue(id=1, kind=plan.kind, key=plan.key, reason=plan.reason, case=plan.case, details=plan.details)
        return self._run(self._turn((), due))

    def keep_promises(self) -> None:
        """Somebody in the shop did what was promised."""
        for number, case in self.cases.items():
            kept = tuple(replace(promise, kept=True) for promise in case.promises)
            self.cases[number] = replace(case, promises=kept)

    def _turn(self, messages: tuple[Message, ...], due: FollowUpDue | None = None) -> Turn:
        return turn(
            *messages,
            now=self.now,
            seed=len(self.turns),
            channel=self.channel,
            contact=self.contact,
            memory=self.memory,
            first=not self.turns,
            owner=self.owner,
            due=due,
            cases=tuple(reversed(self.cases.values())),
        )

    def _run(self, step: Turn) -> tuple[Effect, ...]:
        if self.assistant is not None:
            step = replace(step, assistant=AssistantFacts())
        effects = respond(step, self.playbook)
        if any(isinstance(effect, AskAssistant) for effect in effects):
            (asking,) = effects
            assert isinstance(asking, AskAssistant)
            step = replace(step, assistant=AssistantFacts(answer=self._ask(asking)))
            effects = respond(step, self.playbook)
            assert not any(isinstance(effect, AskAssistant) for effect in effects), "it is asked only once"
        wanted = [effect for effect in effects if isinstance(effect, Lookup)]
        if wanted:
            assert len(effects) == len(wanted), "a Lookup comes alone"
            step = replace(step, lookups=tuple(self._look_up(lookup) for lookup in wanted))
            effects = respond(step, self.playbook)
            assert not any(isinstance(effect, Lookup) for effect in effects), "a Turn is run again only once"
        self.turns.append(step)
        for effect in effects:
            self._apply(effect)
        return effects

    def _ask(self, asking: AskAssistant) -> Answer:
        assert self.assistant is not None
        self.asked += asking.asks
        if self.trouble is not None:
            return Answer(trouble=self.trouble, reason=f"rasa: {self.trouble}")
        replies = tuple(reply for one in asking.asks for reply in self.assistant.get(one.text, ()))
        return Answer(replies=replies, trouble=None if replies else Trouble.EMPTY, reason=None)

    def _look_up(self, lookup: Lookup) -> LookupResult:
        if self.lookup_failure is not None:
            return LookupResult(kind=lookup.kind, key=lookup.key, failure=self.lookup_failure)
        found = tuple(
            order
            for order in self.orders
            if (order.number == lookup.key if lookup.kind is LookupKind.ORDER else order.mine)
        )
        return LookupResult(kind=lookup.kind, key=lookup.key, orders=found)

    def _apply(self, effect: Effect) -> None:
        match effect:
            case Remember():
                self.memory = dict(effect.memory)
            case LearnAboutContact():
                self.contact = replace(self.contact, language=effect.language or self.contact.language)
            case OpenCase():
                self.cases[effect.number] = CaseFacts(
                    number=effect.number,
                    kind=effect.kind,
                    status=CaseStatus.OPEN,
                    step=effect.step,
                    subject=effect.subject,
                    facts=effect.facts,
                    opened_at=self.now,
                )
            case UpdateCase():
                self._update(effect)
            case MakePromise():
                case = self.cases[effect.case]
                self.cases[effect.case] = replace(case, promises=(*case.promises, effect.promise))
            case PlanFollowUp():
                self.plans[effect.key] = effect
            case CancelFollowUps():
                self.plans = {key: plan for key, plan in self.plans.items() if not key.startswith(effect.prefix)}
            case HandOff():
                self.owner = Owner.QUEUE
            case _:
                pass

    def _update(self, effect: UpdateCase) -> None:
        case = self.cases[effect.number]
        self.cases[effect.number] = replace(
            case,
            status=effect.status or case.status,
            step=effect.step or case.step,
            facts=case.facts if effect.facts is None else effect.facts,
            founded=case.founded if effect.founded is None else effect.founded,
            proposal=case.proposal if effect.proposal is None else effect.proposal,
            score=case.score if effect.score is None else effect.score,
            survey_asked=case.survey_asked or bool(effect.survey_asked),
        )


def deeds(effects: tuple[Effect, ...]) -> list[str]:
    """What was done, in short words; what was said, learned and remembered is left out."""
    short: list[str] = []
    for effect in effects:
        match effect:
            case Say() | Remember() | LearnAboutContact():
                pass
            case PlanFollowUp():
                short.append(f"plan {effect.kind.value}")
            case HandOff():
                short.append(f"hand off {effect.reason.value}")
            case RecordConsent():
                short.append("consent yes" if effect.granted else "consent no")
            case OpenCase():
                short.append(f"open {effect.kind.value}")
            case _:
                short.append(type(effect).__name__)
    return short


def said(effects: tuple[Effect, ...]) -> str:
    """Everything the customer reads, buttons too."""
    return "\n".join(
        part
        for effect in effects
        if isinstance(effect, Say)
        for part in (effect.text, *(button.label for button in effect.buttons))
    )


def says(text: str, key: str, language: Language) -> bool:
    """The text holds one of the key's wordings, with anything in the place of its placeholders."""
    for wording in shop().texts[language][key]:
        pattern = "".join(".*?" if i % 2 else re.escape(piece) for i, piece in enumerate(wording.pieces))
        if re.search(pattern, text, re.DOTALL):
            return True
    return False
