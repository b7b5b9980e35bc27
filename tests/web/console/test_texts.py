"""The console's words: all of them in all languages, and none that a page asks for is missing."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

from web.console import texts

CONSOLE = Path(texts.__file__).parent


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_every_language_says_everything_with_the_same_placeholders(language: str) -> None:
    english, own = texts.words("en"), texts.words(language)
    assert set(own) == set(english)
    assert {key: placeholders(own[key]) for key in own} == {key: placeholders(english[key]) for key in english}


def test_what_pages_ask_for_is_there_and_nothing_else_is() -> None:
    sources = [*CONSOLE.rglob("*.html"), *CONSOLE.glob("*.py")]
    asked: set[str] = set()
    for path in sources:
        asked |= set(re.findall(r"""(?:\bt|\bsay)\(\s*["']([a-z_]+\.[a-z_]+)["']\s*[,)]""", path.read_text("utf-8")))
    built = (
        "audit.did_",
        "programs.",
        "door.openid_",
        "door.connecting",
        "door.leaving",
        "case.view_",
        "case.kind_",
        "case.status_",
        "case.step_",
        "case.priority_",
        "case.tier_",
        "case.pause_",
        "case.deadline_",
        "case.why_",
        "case.approval_",
        "case.proposal_",
        "case.value_",
        "case.author_",
        "case.link_",
        "case.field_",
        "case.event_",
        "cause.state_",
        "cause.verdict_",
        "inbox.",
        "conversation.owner_",
        "conversation.kind_",
        "conversation.over_",
        "conversation.attachment_",
        "conversation.media_",
        "conversation.style_",
        "happened.",
        "delivery.",
        "understood.intent_",
        "understood.entity_",
        "canned.place_",
        "staff.role_",
        "search.by_",
        "search.case_",
        "search.channel_",
        "search.kind_",
        "search.state_",
        "refused.",
        "alerts.",
        "reports.",
        "learning.",
        "contact.",
        "privacy.",
        "routing.",
    )
    known = set(texts.words("en"))
    assert asked <= known
    assert {key for key in known - asked if not key.startswith(built)} == set()


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans"),
        ("zh-Hant-HK", "zh-Hant"),
        ("zh-TW", "zh-Hant"),
        ("fr-FR,fr;q=0.9,en;q=0.5", "en"),
        ("", "en"),
        ("*", "en"),
    ],
)
def test_a_browser_is_answered_in_the_first_of_its_languages_that_we_speak(accepted: str, language: str) -> None:
    assert texts.best_language(accepted) == language
