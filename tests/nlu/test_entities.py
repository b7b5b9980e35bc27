from __future__ import annotations

import time
from datetime import date, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlu.entities import MOST_ENTITIES, Entities, Product, resolve_date
from tests.nlu.shop import CATALOGUE

FINDER = Entities(catalogue=CATALOGUE)


def found(text: str) -> list[tuple[str, str, str]]:
    return [(entity.kind, entity.value, entity.text) for entity in FINDER.find(text)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("订单号SL20260012到哪了", "SL20260012"),
        ("order sl20260012.", "SL20260012"),
        ("ＳＬ２０２６００１２", "SL20260012"),
        ("order SL 20260012 please", "SL20260012"),
        ("(SL-20260012)", "SL20260012"),
    ],
)
def test_an_order_number_is_found_however_it_is_typed(text: str, value: str) -> None:
    (entity,) = FINDER.find(text)
    assert (entity.kind, entity.value) == ("order_number", value)


@pytest.mark.parametrize("text", ["SL2026001299", "XSL20260012", "SL2026", "20260012"])
def test_what_only_resembles_an_order_number_is_none(text: str) -> None:
    assert "order_number" not in [kind for kind, _, _ in found(text)]


def test_the_business_decides_what_its_order_numbers_look_like() -> None:
    (entity,) = Entities(order_pattern=r"#\d{4}").find("about #4711, please")
    assert (entity.kind, entity.value) == ("order_number", "#4711")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("付了¥1,280.50", "1280.50 CNY"),
        ("350元", "350.00 CNY"),
        ("三百五十元", "350.00 CNY"),
        ("一千零八十元", "1080.00 CNY"),
        ("三百五块", "350.00 CNY"),
        ("两千万元", "20000000.00 CNY"),
        ("我要20块", "20.00 CNY"),
        ("二十块钱", "20.00 CNY"),
        ("两块五", "2.50 CNY"),
        ("降成三块了", "3.00 CNY"),
        ("做成三块钱一个", "3.00 CNY"),
        ("5块5毛", "5.50 CNY"),
        ("多收了我二十块运费", "20.00 CNY"),
        ("２０元", "20.00 CNY"),
        ("￥88", "88.00 CNY"),
        ("2万元", "20000.00 CNY"),
        ("RMB 350", "350.00 CNY"),
        ("350rmb", "350.00 CNY"),
        ("128 yuan", "128.00 CNY"),
        ("$25", "25.00 USD"),
        ("25 dollars", "25.00 USD"),
        ("1.5k usd", "1500.00 USD"),
        ("US$9.99", "9.99 USD"),
        ("HK$120", "120.00 HKD"),
        ("NT$1,200", "1200.00 TWD"),
        ("30美元", "30.00 USD"),
        ("€12", "12.00 EUR"),
        ("£12.50", "12.50 GBP"),
    ],
)
def test_an_amount_is_found_with_its_currency(text: str, value: str) -> None:
    assert [said for kind, said, _ in found(text) if kind == "amount"] == [value]


@pytest.mark.parametrize(
    "text",
    [
        "一块儿去", "两块茶饼", "1200元旦活动", "三百五", "500克", "3天", "it costs a lot", "100",
        "盖子裂成三块", "蓋子碎成兩塊", "切成4块", "掰成了两块", "摔成三块了", "碎了三块，没法用", "分成三块",
    ],
)  # fmt: skip
def test_what_is_no_money_is_no_amount(text: str) -> None:
    assert "amount" not in [kind for kind, _, _ in found(text)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-03-05", "2026-03-05"),
        ("2026/3/5", "2026-03-05"),
        ("2026.3.5买的", "2026-03-05"),
        ("2026年3月5日", "2026-03-05"),
        ("3月5号", "--03-05"),
        ("三月十五号", "--03-15"),
        ("15号收到的", "---15"),
        ("March 5th, 2026", "2026-03-05"),
        ("on 5 March", "--03-05"),
        ("Sept. 21st", "--09-21"),
        ("今天", "relative:0d"),
        ("昨天下的单", "relative:-1d"),
        ("昨晚", "relative:-1d"),
        ("前天", "relative:-2d"),
        ("大前天", "relative:-3d"),
        ("明天", "relative:1d"),
        ("後天", "relative:2d"),
        ("琴日", "relative:-1d"),
        ("三天前", "relative:-3d"),
        ("10天以前", "relative:-10d"),
        ("三天后", "relative:3d"),
        ("两个星期前", "relative:-2w"),
        ("半个月前", "relative:-15d"),
        ("上周", "relative:-1w"),
        ("上個禮拜", "relative:-1w"),
        ("上个月", "relative:-1m"),
        ("去年", "relative:-1y"),
        ("上周五", "weekday:-1:fri"),
        ("上星期天", "weekday:-1:sun"),
        ("下下周三", "weekday:2:wed"),
        ("周日", "weekday:0:sun"),
        ("today", "relative:0d"),
        ("Yesterday", "relative:-1d"),
        ("the day before yesterday", "relative:-2d"),
        ("tomorrow", "relative:1d"),
        ("3 days ago", "relative:-3d"),
        ("a week ago", "relative:-1w"),
        ("a couple of weeks ago", "relative:-2w"),
        ("in two days", "relative:2d"),
        ("last month", "relative:-1m"),
        ("last Friday", "weekday:-1:fri"),
        ("next Mon", "weekday:1:mon"),
        ("it came on Friday", "weekday:0:fri"),
        ("Sunday next week", "weekday:1:sun"),
        ("in a fortnight", "relative:2w"),
        ("a fortnight ago", "relative:-2w"),
        ("a fortnight today", "relative:2w"),
        ("next fortnight", "relative:2w"),
        ("two weeks from now", "relative:2w"),
        ("half a month later", "relative:15d"),
        ("半个月后", "relative:15d"),
        ("半個月後", "relative:15d"),
        ("1998年5月6日", "1998-05-06"),
        ("98年5月6日", "1998-05-06"),
        ("19年3月9号买的", "2019-03-09"),
        ("1998-05-06", "1998-05-06"),
        ("July the 20th 1992", "1992-07-20"),
        ("March 3, 1999", "1999-03-03"),
        ("on the 11th with our boys", "---11"),
    ],
)
def test_a_day_is_found_absolute_or_relative(text: str, value: str) -> None:
    assert [said for kind, said, _ in found(text) if kind == "date"] == [value]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("The date I want is 9/3/2019", "2019-03-09"),
        ("9/3/2019买的", "2019-03-09"),
        ("12-03-2019", "2019-03-12"),
        ("9.3.2019", "2019-03-09"),
        ("on 23/3/1999", "1999-03-23"),
        ("on 3/23/2019", "2019-03-23"),
    ],
)
def test_a_day_in_numbers_stands_before_its_month_unless_it_cannot(text: str, value: str) -> None:
    assert [said for kind, said, _ in found(text) if kind == "date"] == [value]


@pytest.mark.parametrize(
    ("text", "value"), [("9/3/2019", "2019-09-03"), ("23/3/2019", "2019-03-23"), ("9.3.2019", "2019-03-09")]
)
def test_a_business_in_a_region_that_puts_the_month_first_reads_it_so(text: str, value: str) -> None:
    (entity,) = Entities(region="US").find(text)
    assert (entity.kind, entity.value) == ("date", value)


@pytest.mark.parametrize("text", ["31/31/2019", "1/2/2019/5", "version 1.2.2019.4", "https://a.example/1/2/2019"])
def test_numbers_that_are_no_day_are_none(text: str) -> None:
    assert "date" not in [kind for kind, _, _ in found(text)]


@pytest.mark.parametrize("text", ["今天天氣真好", "今天的天气不错啊", "lovely weather today!", "how's today's weather"])
def test_the_weather_of_today_is_not_when_something_happened(text: str) -> None:
    assert found(text) == []


def test_what_happened_today_in_any_weather_did_happen_today() -> None:
    assert found("今天收到的，天气太热都化了") == [("date", "relative:0d", "今天")]
    assert found("it came today, soaked: the box was left out in the rain") == [("date", "relative:0d", "today")]


def test_both_days_of_a_stay_are_found() -> None:
    assert [value for _, value, _ in found("10th to 23rd")] == ["---10", "---23"]


@pytest.mark.parametrize("text", ["may I ask", "this is the second one", "5号楼", "2026-13-45", "七天无理由", "3 days"])
def test_what_names_no_day_is_no_date(text: str) -> None:
    assert "date" not in [kind for kind, _, _ in found(text)]


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("2026-02-27", "2026-02-27"),
        ("relative:-1d", "2026-03-03"),
        ("relative:2w", "2026-03-18"),
        ("relative:-1m", "2026-02-04"),
        ("relative:-1y", "2025-03-04"),
        ("weekday:-1:fri", "2026-02-27"),
        ("weekday:0:sun", "2026-03-08"),
        ("weekday:1:mon", "2026-03-09"),
        ("--12-31", "2025-12-31"),
        ("--04-01", "2026-04-01"),
        ("---28", "2026-02-28"),
        ("---05", "2026-03-05"),
    ],
)
def test_a_found_day_is_a_date_for_whoever_knows_what_day_it_is(value: str, day: str) -> None:
    a_wednesday = datetime.fromisoformat("2026-03-04T23:30:00+08:00")
    assert resolve_date(value, a_wednesday) == date.fromisoformat(day)


@pytest.mark.parametrize(
    "value", ["", "soon", "--02-30", "relative:d", "weekday:0:xyz", "relative:99999y", "2026-02-30"]
)
def test_a_value_that_is_no_day_is_none(value: str) -> None:
    assert resolve_date(value, date(2026, 3, 4)) is None


def test_a_month_earlier_than_the_31st_is_the_last_day_of_a_shorter_month() -> None:
    assert resolve_date("relative:-1m", date(2026, 3, 31)) == date(2026, 2, 28)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("电话13812345678谢谢", "+8613812345678"),
        ("138-1234-5678", "+8613812345678"),
        ("138 1234 5678", "+8613812345678"),
        ("＋８６１３８１２３４５６７８", "+8613812345678"),
        ("0571-88886666", "+8657188886666"),
        ("call +44 20 7946 0958.", "+442079460958"),
        ("+1 (650) 253-0000", "+16502530000"),
        ("我的手机是13900001111，谢谢", "+8613900001111"),
    ],
)
def test_a_phone_number_is_found_in_e164(text: str, value: str) -> None:
    assert [said for kind, said, _ in found(text) if kind == "phone"] == [value]


def test_a_number_without_a_country_belongs_to_the_region_of_the_business() -> None:
    (entity,) = Entities(region="TW").find("電話0912345678")
    assert entity.value == "+886912345678"


@pytest.mark.parametrize("text", ["SL20260012", "2026-03-05", "12345678901234567", "20260012"])
def test_digits_that_are_no_phone_number_are_none(text: str) -> None:
    assert "phone" not in [kind for kind, _, _ in found(text)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("邮箱lin@example.com谢谢", "lin@example.com"),
        ("Mail to Wang.Li+tea@Example.CO.uk.", "wang.li+tea@example.co.uk"),
        ("ｌｉｎ＠ｅｘａｍｐｌｅ．ｃｏｍ", "lin@example.com"),
    ],
)
def test_a_mail_address_is_found(text: str, value: str) -> None:
    assert [said for kind, said, _ in found(text) if kind == "email"] == [value]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("龙井和铁观音哪个好", ["longjing", "tieguanyin"]),
        ("我買的紫砂壺漏水", ["zisha"]),
        ("普洱茶", ["puer"]),
        ("PU’ER or Dragon Well?", ["puer", "longjing"]),
        ("two gaiwans", ["gaiwan"]),
        ("a Zisha teapot", ["zisha"]),
        ("Puerto Rico", []),
        ("gaiwanese", []),
    ],
)
def test_products_are_found_by_their_names_in_every_language(text: str, names: list[str]) -> None:
    assert [said for kind, said, _ in found(text) if kind == "product"] == names


def test_several_facts_in_one_sentence_come_in_its_order() -> None:
    assert found("昨天花三百五十元买的盖碗，单号SL20260012，打13812345678") == [
        ("date", "relative:-1d", "昨天"),
        ("amount", "350.00 CNY", "三百五十元"),
        ("product", "gaiwan", "盖碗"),
        ("order_number", "SL20260012", "SL20260012"),
        ("phone", "+8613812345678", "13812345678"),
    ]


@given(st.text() | st.from_regex(r"[ -~零-龟０-ｚ¥€@.+-]{0,80}"))
def test_offsets_point_at_the_text_as_received(text: str) -> None:
    entities = FINDER.find(text)
    assert all(text[entity.start : entity.end] == entity.text for entity in entities)
    assert all(left.end <= right.start for left, right in pairwise(entities))


def test_offsets_hold_in_the_tail_of_a_long_text() -> None:
    text = "茶" * 50_000 + "订单SL20260012"
    (entity,) = FINDER.find(text)
    assert text[entity.start : entity.end] == "SL20260012"


@pytest.mark.parametrize("piece", ["今天", "1", "a@", "一", "$1 ", "SL20260012 ", "( ", "+1-", "周一"])
def test_a_hundred_thousand_characters_cost_little_and_give_a_bounded_answer(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    started = time.process_time()
    assert len(FINDER.find(text)) <= 2 * MOST_ENTITIES
    assert time.process_time() - started < 0.25


def test_a_catalogue_of_thousands_is_searched_as_fast_as_a_small_one() -> None:
    large = Entities(catalogue=[Product(name=str(number), words=(f"品{number:05}",)) for number in range(20_000)])
    (entity,) = large.find("我要品12345")
    assert entity.value == "12345"


@pytest.mark.parametrize(
    ("text", "value", "said"),
    [
        ("I need it by the 16th", "---16", "the 16th"),
        ("I bought it on the 1st and paid", "---01", "the 1st"),
        ("on Friday the 17th.", "---17", "the 17th"),
        ("on the 21st of this month", "---21", "the 21st"),
        ("since Jan the 19th", "--01-19", "Jan the 19th"),
    ],
)
def test_a_day_of_the_month_may_be_an_ordinal(text: str, value: str, said: str) -> None:
    assert ("date", value, said) in found(text)


@pytest.mark.parametrize("text", ["on the 2nd floor", "for the 3rd time", "the 2nd one is broken", "on the 45th"])
def test_an_ordinal_that_counts_something_else_is_no_day(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("I ordered 3 boxes and got two", ["3", "2"]),
        ("1,200 pieces of 2.50 kg, please", ["1200", "2.50"]),
        ("我买了3盒，只到了两盒", ["3", "2"]),
        ("三十六個杯子，碎了十二个", ["36", "12"]),
        ("要一盒龙井", ["1"]),
        ("２０ pcs", ["20"]),
        ("我想问一个问题，千万别寄一起", []),
        ("第三个也坏了", []),
        ("model X200-3, version 1.2.3, https://a.example/7", []),
        ("¥350 on 2026-03-05 for SL20260012, call 13800138000", []),
    ],
)
def test_numbers_are_found_where_they_are_nothing_else(text: str, numbers: list[str]) -> None:
    assert [entity.value for entity in Entities().find(text) if entity.kind == "number"] == numbers
