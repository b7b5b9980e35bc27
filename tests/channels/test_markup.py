"""The small Markdown: what it takes for emphasis, what it leaves alone, and that no word becomes a tag."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.markup import Run, Style, escape, html_of, lost, plain, runs, text_of


def test_words_are_emphasised_and_links_have_a_name() -> None:
    source = "**Bold**, *soft*, ~~old~~, `C-1042`: see [our page](https://shop.example/a_b_c)."
    assert runs(source) == (
        Run(text="Bold", styles=(Style.BOLD,)),
        Run(text=", "),
        Run(text="soft", styles=(Style.ITALIC,)),
        Run(text=", "),
        Run(text="old", styles=(Style.STRUCK,)),
        Run(text=", "),
        Run(text="C-1042", styles=(Style.TYPED,)),
        Run(text=": see "),
        Run(text="our page", url="https://shop.example/a_b_c"),
        Run(text="."),
    )
    assert plain(source) == "Bold, soft, old, C-1042: see our page (https://shop.example/a_b_c)."
    assert lost(source) == {"bold", "italic", "struck", "typed", "link"}


def test_chinese_needs_no_blanks_around_what_is_emphasised() -> None:
    assert text_of("请在**周五前**寄回，_谢谢_！") == "请在周五前寄回，谢谢！"
    assert lost("请在**周五前**寄回") == {"bold"}


@pytest.mark.parametrize(
    "said",
    [
        "2*3*4 = 24",
        "a_file_name.txt and __init__",
        "** not bold **",
        "5 * 3 * 2",
        "*",
        "**",
        "****",
        "`",
        "[label](javascript:alert(1))",
        "[label](data:text/html,x)",
        "[x]",
        "~~ no ~~",
        "https://shop.example/a_b_c_d",
    ],
)
def test_what_is_no_emphasis_stays_as_it_was_written(said: str) -> None:
    assert plain(said) == said
    assert lost(said) == frozenset()


def test_a_list_has_bullets_and_bold_within_italic_is_both() -> None:
    assert plain("Bring:\n- the cup\n- the *receipt*") == "Bring:\n• the cup\n• the receipt"
    assert runs("**very *very* much**")[1] == Run(text="very", styles=(Style.BOLD, Style.ITALIC))


def test_no_word_becomes_a_tag() -> None:
    (run,) = runs("**<img src=x onerror=alert(1)>**")
    assert html_of(run) == "<strong>&lt;img src=x onerror=alert(1)&gt;</strong>"
    (link,) = runs("[<b>x</b>](https://a.example/?q='&b=c)")
    assert html_of(link) == '<a href="https://a.example/?q=&#x27;&amp;b=c">&lt;b&gt;x&lt;/b&gt;</a>'


@given(st.text(st.sampled_from("ab *_~`[]()\\\n-/:ht"), max_size=60))
def test_what_is_escaped_is_said_as_it_is(text: str) -> None:
    text = "x" + text  # no list
    text = text.replace("\n-", "\n").replace("\n*", "\n")
    while "\n " in text:
        text = text.replace("\n ", "\n").replace("\n-", "\n").replace("\n*", "\n")
    assert plain(escape(text)) == text


@pytest.mark.parametrize("piece", ["**a", "*a ", "_a ", "~~a", "[a", "`a", "**", "[a](https://a.b ", "\\"])
def test_no_text_takes_long(piece: str) -> None:
    source = piece * (20_000 // len(piece))
    started = time.process_time()
    runs(source)
    assert time.process_time() - started < 2.0
