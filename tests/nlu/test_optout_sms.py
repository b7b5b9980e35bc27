"""Keywords of SMS: the whole message, on the channel whose carriers act on it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nlu.optout import OptOut, read
from tests.given import given

GIVEN: dict[str, Any] = json.loads(given("rules/sms_optout/keywords.json").read_bytes())
LISTS = {
    "optout": OptOut.WITHDRAW,
    "optout_per_se": OptOut.WITHDRAW,
    "optin": OptOut.GRANT,
    "help": OptOut.HELP,
    "none": OptOut.NONE,
}
KEYWORDS = [
    (word, meaning)
    for provider in GIVEN["providers"]
    for name, meaning in LISTS.items()
    for word in provider.get(name, ())
    if word != "YES"  # it answers whoever asked: whether anybody did, only the conversation knows
]


@pytest.mark.parametrize(("word", "meaning"), KEYWORDS)
def test_every_providers_keyword_is_understood_however_it_is_typed(word: str, meaning: OptOut) -> None:
    for typed in (word, word.lower(), word.title(), f" {word}\n", f"{word}.", f"{word}!!", f'"{word}"', f"'{word}'"):
        assert read(typed, whole_message=True) is meaning


@pytest.mark.parametrize(("text", "expected"), GIVEN["suggested_checks"])
def test_every_given_text_is_read_as_the_rules_ask(text: str, expected: str) -> None:
    assert read(text, whole_message=True) is LISTS[expected.split(maxsplit=1)[0].strip(",")]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "回T退订",
            "回复TD退订",
            "退订回T",
            "退订回复R",
            "T",
            "td",
            "ＴＤ",
            "R",
            "R 退订",
            "【退订】",
            "退訂",
            "请退订",
        ),
        *("拒收短信", "取消簡訊", "停止接收", "請停止發送", "不再接收", "以后别发了", "请退订", "QX", "回T退订谢谢"),
        *("stop sending", "revoke consent", "no texts", "STOP END", "stop unsubscribe", "remove my number", "STOP2END"),
    ],
)
def test_other_ways_that_people_type_it_withdraw(text: str) -> None:
    assert read(text, whole_message=True) is OptOut.WITHDRAW


@pytest.mark.parametrize(
    "text",
    [
        *("stop by the shop", "where is the bus stop", "end of story", "full stop", "don't cancel", "R u open", "YES"),
        *("T恤有货吗", "不要退订", "停电了", "退订酒店", "我要取消", "我要退", "取消明天的预约", "短信收不到", "停车"),
        *("help me choose a gift", "when do you start", "I can't stop smiling", "cancel my order", "stop start"),
    ],
)
def test_the_same_words_in_another_matter_do_not(text: str) -> None:
    assert read(text, whole_message=True) is OptOut.NONE
