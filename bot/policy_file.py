"""`policy.yml`: read and checked, all its mistakes at once."""

from __future__ import annotations

import re
from collections.abc import Mapping

from phonenumbers import SUPPORTED_REGIONS

from bot.authority import TIERS, Authority
from bot.case_rules import read_rules
from bot.located import Place, Section, read_mapping
from bot.policy import (
    ComplaintKind,
    ComplaintRule,
    Confidence,
    OfferKind,
    Policy,
    Product,
    Times,
    Tone,
)
from bot.routing_file import read_routing
from bot.words import WORDS
from nlu.understanding import Language


def read_policy(content: str, place: Place) -> Policy | None:
    """None where the file could not be read at all; otherwise all mistakes are noted in `place`."""
    root = read_mapping(content, place)
    if root is None:
        return None
    products = _products(root)
    business = root.section("business") or _nothing(root)
    orders = root.section("orders") or _nothing(root)
    patience = root.section("patience") or _nothing(root)
    words = root.section("words") or _nothing(root)
    languages = [language.value for language in Language]
    policy = Policy(
        name=business.by_language("name"),
        assistant=business.by_language("assistant"),
        language=Language(_one_of(business, "language", languages)),
        staff_language=Language(_one_of(business, "staff_language", languages)),
        currency=business.text("currency"),
        region=_region(business),
        order_pattern=_pattern(orders),
        order_example=orders.text("example"),
        confidence=_confidence(root),
        misunderstandings=patience.integer("misunderstandings", 2, least=1),
        angry_turns=patience.integer("angry_turns", 2, least=1),
        proof_attempts=patience.integer("proof_attempts", 2, least=1),
        times=_times(root),
        authority=_authority(root),
        complaints=_complaints(root),
        tones={tone: _any_of(words.words(tone.value)) for tone in Tone},
        legal=_any_of(words.words("legal")),
        person=_any_of(words.words("person", required=False)),
        routing=read_routing(root),
        topics=_topics(root),
        products=products,
        known_products={
            name.casefold(): product
            for product in products
            for name in (product.id, *product.names.values(), *product.also)
        },
        cases=read_rules(root),
    )
    _check_example(policy, orders)
    for section in (business, orders, patience, words, root):
        section.finish()
    return policy


def _nothing(root: Section) -> Section:
    """Stands in for a missing section, whose absence is noted already: nothing more is noted about it."""
    return Section(node=root.node, place=Place(root.place.file, []), path="")


def _one_of(section: Section, key: str, allowed: list[str]) -> str:
    value = section.choice(key, allowed)
    return value if value in allowed else allowed[0]


def _region(business: Section) -> str:
    region = business.text("region", "CN")
    if region not in SUPPORTED_REGIONS:
        business.note(
            f"`business.region` is {region!r}; it should be a country's two capital letters.",
            business.line_of("region"),
        )
    return region


def _pattern(orders: Section) -> re.Pattern[str]:
    text = orders.text("pattern")
    try:
        return re.compile(rf"(?<![A-Za-z0-9])(?:{text or '(?!)'})(?![A-Za-z0-9])", re.IGNORECASE)
    except re.error as error:
        orders.note(f"`orders.pattern` is not a regular expression: {error}.", orders.line_of("pattern"))
        return re.compile("(?!)")


def _check_example(policy: Policy, orders: Section) -> None:
    if policy.order_example and not policy.order_pattern.fullmatch(policy.order_example):
        orders.note("`orders.example` does not look as `orders.pattern` says.", orders.line_of("example"))


def _confidence(root: Section) -> Confidence:
    section = root.section("confidence", required=False)
    usual = Confidence()
    if section is None:
        return usual
    found = Confidence(
        sure=section.number("sure", usual.sure, most=1),
        maybe=section.number("maybe", usual.maybe, most=1),
        knowledge=section.number("knowledge", usual.knowledge, most=1),
        knowledge_least=section.number("knowledge_least", usual.knowledge_least, most=1),
        topic_bonus=section.number("topic_bonus", usual.topic_bonus, most=1),
    )
    if found.maybe > found.sure:
        section.note("`confidence.maybe` should not be above `confidence.sure`.", section.line_of("maybe"))
    section.finish()
    return found


def _times(root: Section) -> Times:
    section = root.section("times", required=False)
    usual = Times()
    if section is None:
        return usual
    found = Times(
        settle_seconds=section.number("settle_seconds", usual.settle_seconds, most=60),
        form_silence_minutes=section.integer("form_silence_minutes", usual.form_silence_minutes, least=1),
        form_silence_mail_hours=section.integer("form_silence_mail_hours", usual.form_silence_mail_hours, least=1),
        promise_days=section.integer("promise_days", usual.promise_days, least=1),
        reminder_hours=section.integer("reminder_hours", usual.reminder_hours, least=1),
        survey_hours=section.integer("survey_hours", usual.survey_hours, least=1),
    )
    section.finish()
    return found


def _authority(root: Section) -> Mapping[str, Authority]:
    section = root.section("authority")
    if section is None:
        return {}
    found: dict[str, Authority] = {}
    for tier in TIERS:
        grants = section.section(tier)
        if grants is None:
            continue
        found[tier] = Authority(
            refund=grants.number("refund", 0),
            voucher=grants.number("voucher", 0),
            replacement=grants.boolean("replacement", False),
            apology=grants.boolean("apology", True),
        )
        grants.finish()
    section.finish()
    return found


def _complaints(root: Section) -> Mapping[ComplaintKind, ComplaintRule]:
    section = root.section("complaints")
    if section is None:
        return {}
    found: dict[ComplaintKind, ComplaintRule] = {}
    for kind in ComplaintKind:
        rule = section.section(kind.value)
        if rule is None:
            continue
        found[kind] = ComplaintRule(
            within_days=rule.integer("within_days", 0),
            needs_order=rule.boolean("needs_order", True),
            person=rule.boolean("person", False),
            offers=tuple(_offers(rule)),
        )
        rule.finish()
    section.finish()
    return found


def _offers(rule: Section) -> list[OfferKind]:
    found: list[OfferKind] = []
    for word in rule.words("offers", required=False):
        if word in list(OfferKind):
            found.append(OfferKind(word))
        else:
            right = ", ".join(OfferKind)
            rule.note(f"`{rule.name('offers')}` holds {word!r}; it may hold {right}.", rule.line_of("offers"))
    return found


def _topics(root: Section) -> Mapping[str, tuple[str, ...]]:
    section = root.section("topics", required=False)
    if section is None:
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for intent, node, line in section.entries():
        if f"intent.{intent}" not in WORDS:
            section.note(f"`{section.name(intent)}` is no intent that the assistant knows.", line)
        found[intent] = section.as_words(node, intent)
    return found


def _products(root: Section) -> tuple[Product, ...]:
    section = root.section("products", required=False)
    if section is None:
        return ()
    found: list[Product] = []
    for key, node, _ in section.entries():
        section.seen.add(key)
        entry = section.as_section(node, key)
        if entry is None:
            continue
        found.append(Product(id=key, names=entry.by_language("name"), also=entry.words("also", required=False)))
        entry.finish()
    return tuple(found)


def _any_of(words: tuple[str, ...]) -> re.Pattern[str]:
    """Latin words match as whole words, Chinese ones anywhere."""
    if not words:
        return re.compile("(?!)")
    # Not \b: between 打 and 12315 there is none, for both count as parts of a word.
    latin = "|".join(re.escape(word) for word in words if word.isascii())
    parts = [rf"(?<![A-Za-z0-9])(?:{latin})(?![A-Za-z0-9])"] if latin else []
    parts += [re.escape(word) for word in words if not word.isascii()]
    return re.compile("|".join(parts), re.IGNORECASE)
