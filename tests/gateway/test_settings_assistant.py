"""`[assistant]`: what a person is told about it."""

from __future__ import annotations

import pytest

from gateway.settings import SettingsMistakes, load
from tests.gateway.settings_file import elsewhere

__all__ = ["elsewhere"]

pytestmark = pytest.mark.usefixtures("elsewhere")


def mistakes(**overrides: object) -> list[str]:
    with pytest.raises(SettingsMistakes) as caught:
        load(overrides={f"assistant.{key}": value for key, value in overrides.items()})
    return str(caught.value).splitlines()


def test_our_own_engine_answers_unless_somebody_says_otherwise() -> None:
    assert load().assistant.engine == "rapport"


def test_an_assistant_needs_an_address() -> None:
    assert mistakes(engine="rasa") == [
        "assistant.rasa_url is missing while assistant.engine is rasa;"
        " set your assistant's address, such as http://localhost:5005, or assistant.engine = rapport."
    ]


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("engine", "dialogflow", "it should be rapport, or rasa where your own Rasa assistant answers"),
        ("rasa_url", "localhost:5005", "is not a web address"),
        ("rasa_channel", "rest/webhook", "rest, or one of your own that speaks as it does"),
        ("timeout", 16, "up to 15"),
        ("timeout", 0, "up to 15"),
        ("most_messages", 0, "1 to 100"),
        ("most_answer_bytes", 10, "1000 to 16777216"),
        ("connections", 0, "at the same time"),
    ],
)
def test_a_value_that_does_not_fit_is_explained(key: str, value: object, words: str) -> None:
    (sentence,) = mistakes(**{key: value})
    assert sentence.startswith(f"assistant.{key} ")
    assert words in sentence


def test_its_tokens_are_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPPORT_ASSISTANT__WEBHOOK_TOKEN", "geheim")
    assert "geheim" not in repr(load())
