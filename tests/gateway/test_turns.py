"""What a Turn is told of a message."""

from __future__ import annotations

import pytest

from gateway.facts import hinted
from nlu.understanding import Language


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("en-GB,en;q=0.9,zh;q=0.8", Language.EN),
        ("en", Language.EN),
        ("zh", Language.ZH_HANS),
        ("zh-hans", Language.ZH_HANS),
        ("zh-Hans-HK", Language.ZH_HANS),
        ("zh_CN", Language.ZH_HANS),
        ("zh-Hant", Language.ZH_HANT),
        ("zh-TW,zh;q=0.9", Language.ZH_HANT),
        ("zh-HK", Language.ZH_HANT),
        ("de-DE", None),
        ("", None),
        (None, None),
        ("*", None),
        ("\0;;,", None),
    ],
)
def test_the_language_of_an_app_or_browser_is_one_of_ours_or_none(tag: str | None, language: Language | None) -> None:
    assert hinted(tag) is language
