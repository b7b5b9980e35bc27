"""Why a person is needed is said in words, whatever the code is called."""

from __future__ import annotations

import re

import pytest

from bot.effects import HandOffReason
from desk.reasons import IN_WORDS, in_words
from nlu.understanding import Language


@pytest.mark.parametrize("language", Language)
def test_every_reason_has_words_of_its_own_in_every_language(language: Language) -> None:
    said = [in_words(reason, language) for reason in HandOffReason]
    assert len(set(said)) == len(HandOffReason)
    assert not any("_" in words for words in said)
    assert all(bool(re.search("[\u4e00-\u9fff]", words)) is (language is not Language.EN) for words in said)


def test_traditional_characters_are_not_simplified_ones() -> None:
    assert all(
        IN_WORDS[Language.ZH_HANS][reason] != IN_WORDS[Language.ZH_HANT][reason] for reason in ("anger", "legal")
    )


def test_a_reason_of_another_version_is_shown_as_it_is() -> None:
    assert in_words("moon_phase") == "moon_phase"
