"""A playbook is checked as a whole: every mistake at once, with file and line."""

from __future__ import annotations

import re

import pytest

from bot.playbook import PlaybookMistakes, load
from bot.wordings import SHORT
from bot.words import WORDS
from channels.sms.segments import segments
from nlu.understanding import Language
from tests.bot.people import shop, shop_files

Files = dict[str, str]
SHIPPING = "knowledge/en/shipping.md"


def mistakes_of(files: Files) -> list[str]:
    with pytest.raises(PlaybookMistakes) as caught:
        load(files)
    return [str(mistake) for mistake in caught.value.mistakes]


def line_of(content: str, start: str) -> int:
    return next(n for n, line in enumerate(content.splitlines(), start=1) if line.strip().startswith(start))


def changed(name: str, old: str, new: str) -> Files:
    files = shop_files()
    assert old in files[name], f"{old!r} is not in {name}"
    files[name] = files[name].replace(old, new, 1)
    return files


def test_the_demo_shop_is_without_mistakes() -> None:
    assert shop().policy.name[Language.ZH_HANT] == "山嵐茶"


def test_every_text_exists_in_all_languages_with_the_same_placeholders() -> None:
    texts = shop().texts
    for key in WORDS:
        used = {
            language: frozenset[str]().union(*(wording.placeholders for wording in texts[language][key]))
            for language in Language
        }
        assert len(set(used.values())) == 1, f"{key}: {used}"


def test_no_text_of_one_language_was_left_in_another() -> None:
    texts = shop().texts
    for key in WORDS:
        for wording in texts[Language.EN][key]:
            assert not re.search(r"[\u4e00-\u9fff]", "".join(wording.pieces[::2])), key
        for language, other in ((Language.ZH_HANS, "gb2312"), (Language.ZH_HANT, "big5")):
            for wording in texts[language][key]:
                han = "".join(c for c in "".join(wording.pieces) if "\u4e00" <= c <= "\u9fff")
                han.encode(other)  # a character of the other script cannot be encoded


def test_the_demo_shops_short_forms_are_one_text_message_each() -> None:
    playbook = shop()
    names = {"number": "C-1042", "assistant": "Lan", "offer": "", "words": "", "answer": "", "source": ""}
    for language, texts in playbook.texts.items():
        said = {
            key: wording.say(names | {"business": playbook.policy.name[language]})
            for key, wordings in texts.items()
            if key.endswith(SHORT)
            for wording in wordings
        }
        assert {"small.help@sms", "consent.stopped@sms"} <= said.keys()
        assert [key for key, text in said.items() if segments(text) > 1] == []
        entries = (entry for versions in playbook.entries.values() for entry in versions.values())
        shorts = [entry for entry in entries if entry.language is language and entry.short]
        answer = texts["knowledge.answer@sms"][0]
        assert shorts
        assert [e.id for e in shorts if segments(answer.say({"answer": e.short or "", "source": e.source})) > 1] == []


@pytest.mark.parametrize(
    ("name", "old", "new", "sentence"),
    [
        ("texts/en.yml", "  how:", "  howw:", "`choice.howw` is not a text that the assistant knows"),
        ("texts/en.yml", '  thanks: "Thank', '  x: "Thank', "`survey.thanks` is missing"),
        (
            "texts/zh-Hans.yml",
            '{example}。"\n  not',
            '{sample}。"\n  not',
            "has no placeholder {sample}; it knows {example}",
        ),
        ("texts/en.yml", "  help@sms:", "  helpp@sms:", "`small.helpp@sms` is not a text that the assistant knows"),
        ("texts/en.yml", 'help@sms: "{business}', 'help@sms: "{shop}', "`small.help@sms` has no placeholder {shop}"),
        ("texts/en.yml", "  how:", '  how@sms: "Please reply with the number."\n  how:', "is longer than `choice.how`"),
        (SHIPPING, "*In short: ", f"*In short: {'very ' * 90}", "has a short answer that is not shorter"),
        ("texts/zh-Hant.yml", "回覆數字即可。", "回覆{0}數字", "`choice.how` has a brace that is no placeholder"),
        ("texts/en.yml", '"Just reply with the number."', "12", "`choice.how` should be a text"),
        ("texts/en.yml", '"Just reply with the number."', '""', "`choice.how` is empty"),
        ("policy.yml", "  currency: CNY", "  curency: CNY", "`business.curency` is not known here"),
        ("policy.yml", "  currency: CNY", "  currency: [CNY]", "`business.currency` should be a text"),
        ("policy.yml", "  region: CN", "  region: China", "`business.region` is 'China'; it should be a country's two"),
        ("policy.yml", "  region: CN", "  region: ZZ", "`business.region` is 'ZZ'; it should be a country's two"),
        ("policy.yml", "  language: zh-Hans", "  language: fr", "`business.language` is 'fr'; it should be one of"),
        ("policy.yml", "    en: Shanlan Tea\n", "", "`business.name.en` is missing"),
        ("policy.yml", "settle_seconds: 2", "settle_seconds: soon", "`times.settle_seconds` should be a number"),
        ("policy.yml", "settle_seconds: 2", "settle_seconds: -1", "`times.settle_seconds` should be between 0 and 60"),
        ("policy.yml", "promise_days: 2", "promise_days: 0", "`times.promise_days` should be at least 1"),
        ("policy.yml", "  sure: 0.55", "  sure: 0.1", "`confidence.maybe` should not be above"),
        (
            "policy.yml",
            "replacement: true",
            "replacement: perhaps",
            "`authority.key.replacement` should be true or false",
        ),
        ("policy.yml", "offers: [replacement, refund]", "offers: [flowers]", "holds 'flowers'; it may hold refund"),
        ("policy.yml", r"pattern: SL\d{8}", "pattern: SL(", "is not a regular expression"),
        ("policy.yml", "example: SL20260012", "example: A1", "does not look as `orders.pattern` says"),
        ("policy.yml", "  small:\n", "  tiny:\n", "`authority.tiny` is not known here"),
        ("policy.yml", "business:", "business: [", "this is not YAML"),
        ("policy.yml", "patience:", "orders:\n  pattern: x\npatience:", "`orders` stands here a second time"),
        ("hours.yml", '["09:00-21:00"]', '["9-21"]', 'weekly.mon-fri: "9-21" is no opening'),
        ("policy.yml", "  shipping_question:", "  flying_question:", "`topics.flying_question` is no intent"),
        ("policy.yml", "question: [shipping]", "question: [flying]", "names 'flying'; there is no such knowledge file"),
        ("hours.yml", "Asia/Shanghai", "Asia/Atlantis", "is no time zone"),
        ("hours.yml", "holidays: [cn]", "holidays: [2026-02-30]", ""),
        (SHIPPING, "title:", "titel:", "`title` is missing"),
        (SHIPPING, "title:", "for: [vip]\ntitle:", "`for` holds 'vip'; tiers are key"),
        (SHIPPING, "---\n", "", "front matter is missing"),
        (SHIPPING, "{#delivery-time}", "", "a heading looks like"),
        (SHIPPING, "{#delivery-time}", "{#delivery-tyme}", "`shipping#delivery-time` is missing in en"),
    ],
)
def test_a_mistake_is_named_in_its_file(name: str, old: str, new: str, sentence: str) -> None:
    found = mistakes_of(changed(name, old, new))
    assert any(
        mistake.startswith("knowledge/" if "{#delivery-tyme" in new else name) and sentence in mistake
        for mistake in found
    ), found


def test_all_mistakes_are_told_at_once_with_their_lines() -> None:
    files = changed("policy.yml", "  currency: CNY", "  currency: 12")
    files["texts/en.yml"] = files["texts/en.yml"].replace("  how:", "  howw:", 1)
    files["hours.yml"] = files["hours.yml"].replace('"10:00-18:00"', '"25:00-18:00"', 1)
    with pytest.raises(PlaybookMistakes) as caught:
        load(files)
    places = {(mistake.file, mistake.line) for mistake in caught.value.mistakes}
    assert ("policy.yml", line_of(files["policy.yml"], "currency")) in places
    assert ("texts/en.yml", line_of(files["texts/en.yml"], "howw")) in places
    assert ("hours.yml", line_of(files["hours.yml"], "sat-sun")) in places


@pytest.mark.parametrize("name", ["policy.yml", "hours.yml", *(f"texts/{language.value}.yml" for language in Language)])
def test_a_missing_file_is_a_mistake(name: str) -> None:
    files = shop_files()
    del files[name]
    assert any(mistake.startswith(f"{name}:1:") for mistake in mistakes_of(files))


@pytest.mark.parametrize(
    "content", ["", "# nothing\n", "- a\n- b\n", "just words", "\x00", "a: *b", "a: &b [*b]", "? [x]\n: y", "\t"]
)
def test_a_file_that_is_no_playbook_file_is_named_and_never_a_crash(content: str) -> None:
    for name in ("policy.yml", "hours.yml", "texts/en.yml", SHIPPING):
        assert any(mistake.startswith(name) for mistake in mistakes_of({**shop_files(), name: content}))


def test_a_misspelt_language_folder_is_noticed() -> None:
    files = shop_files()
    files["knowledge/zh-hans/extra.md"] = files[SHIPPING]
    assert any("is its name or folder misspelt?" in mistake for mistake in mistakes_of(files))


def test_an_entry_twice_is_a_mistake() -> None:
    files = shop_files()
    files[SHIPPING] += "\n## Again? {#delivery-time}\n\nYes.\n"
    assert any("`shipping#delivery-time` stands here a second time" in mistake for mistake in mistakes_of(files))


def test_knowledge_is_offered_with_all_ways_to_ask() -> None:
    documents = shop().documents()
    english = next(d for d in documents if d.entry == "shipping#delivery-time" and d.language is Language.EN)
    assert len(english.questions) > 1
    assert not any("{#" in question or question.startswith("*") for question in english.questions)
    assert english.body
    assert not english.body.startswith("*Also")


def test_every_entry_answers_in_every_language() -> None:
    for name, versions in shop().entries.items():
        assert set(versions) == set(Language), name


def test_the_fingerprint_changes_with_any_word_and_with_nothing_else() -> None:
    assert load(shop_files()).fingerprint == shop().fingerprint
    assert load(changed("texts/en.yml", "enjoy your tea", "enjoy the tea")).fingerprint != shop().fingerprint
