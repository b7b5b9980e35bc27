"""Days named in a text, absolute and relative, in Chinese and English.

An understanding knows no clock, so a day comes as one of: an ISO date; `--03-05` or `---05` without year or month (ISO
8601:2000, 5.2.1.3); `relative:-3d` (also w, m, y); `weekday:-1:fri`, last week's Friday (weeks begin on Monday).

`9/3/2019` is the 9th of March, as most of the world writes it, and the 3rd of September where the business is in a
region that puts the month first; `3/23/2019` and `23.3.2019` are clear.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

from nlu.numerals import ENGLISH_NUMERAL, HAN_NUMERAL, number
from nlu.understanding import Entity

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


MONTH_FIRST = frozenset({"AS", "FM", "GU", "MH", "MP", "PH", "PR", "PW", "UM", "US", "VI"})
"""Regions where `9/3/2019` is in September (Unicode CLDR 46, the short date patterns)."""


def find_dates(text: str, *, month_first: bool = False) -> Iterator[Entity]:
    """Days, the longer ones first where they overlap. `text` is folded to half width and lower case."""
    digits = _DIGIT.search(text) is not None
    if digits:
        yield from _found(_ISO, text)
        yield from _by_numbers(text, month_first=month_first)
    if not text.isascii() and _HAN_HINT.search(text):
        yield from _found(_HAN_DATE, text)
        yield from _found(_HAN_RELATIVE, text)
    if digits and any(month in text for month in _MONTHS):
        yield from _found(_ENGLISH_DATE, text)
    if digits and _ORDINAL.search(text):
        yield from _ordinals(text)
    if _ENGLISH_HINT.search(text):
        yield from _found(_ENGLISH_RELATIVE, text)


def resolve_date(value: str, now: date) -> date | None:
    """The day that a `date` entity's value means where it is `now`: a date, or a datetime in the person's zone.

    A day without year or month is the nearest such day. None where the value is no day.
    """
    today = date(now.year, now.month, now.day)
    try:
        if said := _RELATIVE_VALUE.fullmatch(value):
            return _shifted(today, int(said[1]), said[2])
        if said := _WEEKDAY_VALUE.fullmatch(value):
            monday = today - timedelta(days=today.weekday())
            return monday + timedelta(weeks=int(said[1]), days=WEEKDAYS.index(said[2]))
        if said := _PARTIAL_VALUE.fullmatch(value):
            return _nearest(today, int(said[1]) if said[1] else None, int(said[2]))
        return date.fromisoformat(value)
    except (ValueError, OverflowError):
        return None


_RELATIVE_VALUE = re.compile(r"relative:([+-]?\d{1,5})([dwmy])")
_WEEKDAY_VALUE = re.compile(rf"weekday:([+-]?\d{{1,3}}):({'|'.join(WEEKDAYS)})")
_PARTIAL_VALUE = re.compile(r"--(?:(\d\d)|-)-?(\d\d)")

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)"
)
_DAY_NAME = r"(?:mon|tues?|wednes|thurs?|fri|satur|sun)day"
_DAY_SHORT = r"(?:mon|tues?|wed|thu|thurs?|fri|sat|sun)"
_HAN_WEEKDAYS = {**dict(zip("一二三四五六日", WEEKDAYS, strict=True)), "天": "sun"}
_WEEK = r"(?:周|週|星期|礼拜|禮拜)"
_COUNT = rf"(?:\d{{1,3}}|{HAN_NUMERAL}{{1,4}})"

_DIGIT = re.compile(r"\d")
_ORDINAL = re.compile(r"\d(?:st|nd|rd|th)\b")
_ISO = re.compile(r"(?<![\d/.-])(?P<year>(?:19|20)\d\d)[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})(?![\d/-]|\.\d)")
_NUMBERS = re.compile(
    r"(?<![\d/.-])(?P<one>\d{1,2})(?P<between>[-/.])(?P<other>\d{1,2})(?P=between)(?P<year>(?:19|20)\d\d)(?![\d/-]|\.\d)"
)
_HAN_HINT = re.compile(r"[天日周週月年号號晚早夜期]|礼拜|禮拜")
_HAN_DATE = re.compile(
    rf"(?:(?<!\d)(?P<year>(?:19|20)?\d\d)年)?(?P<month>(?<!\d)\d{{1,2}}|{HAN_NUMERAL}{{1,2}})月(?P<day>\d{{1,2}}|{HAN_NUMERAL}{{1,3}})"
    r"[日号號]?"
    rf"|(?<![\d月第一二三四五六七八九十])(?P<only>\d{{1,2}}|{HAN_NUMERAL}{{1,3}})[号號](?![楼樓线線店库庫门門机機院链鏈碼码])"
)
_HAN_RELATIVE = re.compile(
    # the look ahead changes nothing but the speed
    rf"(?=[大前后後昨今当當而明琴噚寻尋听聽上下这這本周週星礼禮去半\d]|{HAN_NUMERAL})(?:"
    r"(?P<before3>大前[天日])|(?P<after3>大[后後][天日])|(?P<before2>前[天日晚](?!线))|(?P<after2>[后後]天)"
    r"|(?P<before1>昨[天日晚夜]|[琴噚寻尋]日)|(?P<today>今[天日早晚]|当天|當天|而家)|(?P<after1>明[天日早晚]|[听聽]日)"
    rf"|(?P<shift>上+|下+|这|這|本|今)?个?個?{_WEEK}(?P<weekday>[一二三四五六日天])(?!天)"
    rf"|(?P<whole>上+|下+)个?個?(?P<unit>周|週|星期|礼拜|禮拜|月)(?![一二三四五六日天])|(?P<lastyear>去年)"
    rf"|(?P<count>半|{_COUNT})\s?(?P<of>天|日|个?個?半?(?:周|週|星期|礼拜|禮拜|月)|年)(?P<way>之?以?前|之?以?[后後]))"
)
_ENGLISH_HINT = re.compile(r"day|week|fortnight|month|year|to(?:morrow|night)|(?:last|next|this|on) ")
_ENGLISH_DATE = re.compile(
    rf"\b(?:(?P<month>{_MONTH})\.? ?(?:the )?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?!\d)"
    rf"|(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<month2>{_MONTH})\b)(?:,? ?(?P<year>(?:19|20)\d\d)\b)?"
)
_ENGLISH_ORDINAL = re.compile(
    rf"(?:\b(?:{_DAY_NAME}|on|by|until|till|since|before|after|from|for|to|between|and|of) "
    r"|(?<![\da-z])(?=\d{1,2}(?:st|nd|rd|th) (?:to|until|till) (?:the )?\d))"
    r"(?P<said>(?:the )?(?P<only>\d{1,2})(?:st|nd|rd|th))\b"
    r"(?! ?-?\s?(?!(?:and|to|or|at|until|till|for|with|but|because|so|if|please|pls|thanks|i|we|my|it|is|was)\b"
    r"|of (?:the|this|next) month)[a-z])"
)
"""A day of the month by its number: `on the 16th`, but not `on the 2nd floor`."""
_ENGLISH_RELATIVE = re.compile(
    r"\b(?:(?P<before2>(?:the )?day before yesterday)|(?P<after2>(?:the )?day after tomorrow)"
    r"|(?P<before1>yesterday|last night)"
    r"|(?P<today>today|tonight|this morning|this evening|this afternoon)|(?P<after1>tomorrow)"
    rf"|(?P<count>half an?|\d{{1,3}}|{ENGLISH_NUMERAL}) (?P<of>day|week|fortnight|month|year)s?"
    r" (?P<way>ago|from now|from today|earlier|later)"
    rf"|in (?P<count2>half an?|\d{{1,3}}|{ENGLISH_NUMERAL}) (?P<of2>day|week|fortnight|month|year)s?"
    r"|(?P<count3>a) (?P<of3>fortnight) today"
    r"|(?P<whole>last|next) (?P<unit>week|fortnight|month|year)"
    rf"|(?:(?P<shift>last|next|this|on) (?P<weekday>{_DAY_NAME}|{_DAY_SHORT})"
    rf"|(?P<bare>{_DAY_NAME})(?: (?P<of_week>last|next) week)?))\b"
)
_WEATHER = re.compile(r"\bweather\b[a-z' ]{0,20}\b(?:today|tonight|this)|\b(?:today|tonight)(?:'s)? weather")
_FIXED = {"before3": -3, "before2": -2, "before1": -1, "today": 0, "after1": 1, "after2": 2, "after3": 3}


def _found(pattern: re.Pattern[str], text: str) -> Iterator[Entity]:
    for match in pattern.finditer(text):
        value = _value({name: words for name, words in match.groupdict().items() if words})
        if value is not None and not (value == "relative:0d" and _is_small_talk(text, match.start(), match.end())):
            yield Entity(kind="date", value=value, text=match.group(), start=match.start(), end=match.end())


def _is_small_talk(text: str, start: int, end: int) -> bool:
    """Nice weather today: no day on which anything happened."""
    return text.startswith(("天气", "天氣"), end + (text[end : end + 1] == "的")) or (
        "weather" in text and _WEATHER.search(text, max(start - 30, 0), end + 12) is not None
    )


def _by_numbers(text: str, *, month_first: bool) -> Iterator[Entity]:
    for match in _NUMBERS.finditer(text):
        one, other = match["one"], match["other"]
        if int(other) > 12 or (month_first and match["between"] != "." and int(one) <= 12):
            one, other = other, one
        value = _calendar(match["year"], other, one)
        if value is not None:
            yield Entity(kind="date", value=value, text=match.group(), start=match.start(), end=match.end())


def _ordinals(text: str) -> Iterator[Entity]:
    for match in _ENGLISH_ORDINAL.finditer(text):
        value = _value({"only": match["only"]})
        if value is not None:
            start, end = match.span("said")
            yield Entity(kind="date", value=value, text=match["said"], start=start, end=end)


def _value(said: dict[str, str]) -> str | None:
    for name, days in _FIXED.items():
        if name in said:
            return f"relative:{days}d"
    if "lastyear" in said:
        return "relative:-1y"
    if month := said.get("month") or said.get("month2"):
        return _calendar(said.get("year"), month, said.get("day") or said.get("day2") or "")
    if only := said.get("only"):
        day = number(only)
        return f"---{day:02}" if day and day <= 31 else None
    if weekday := said.get("weekday") or said.get("bare"):
        return f"weekday:{_weeks(said.get('shift') or said.get('of_week', ''))}:{_weekday(weekday)}"
    if unit := said.get("unit"):
        return f"relative:{_weeks(said['whole']) * (2 if unit == 'fortnight' else 1)}{_unit(unit)}"
    count = said.get("count") or said.get("count2") or said.get("count3")
    of = said.get("of") or said.get("of2") or said.get("of3")
    return _counted(count, of, said.get("way", "later")) if count and of else None


def _calendar(year: str | None, month: str, day: str) -> str | None:
    of_year = _MONTHS.index(month[:3].lower()) + 1 if month[:3].lower() in _MONTHS else number(month)
    of_month = number(day)
    if of_year is None or of_month is None:
        return None
    try:
        said = date(_full(year) if year else 2000, of_year, of_month)
    except ValueError:
        return None
    return said.isoformat() if year else f"--{of_year:02}-{of_month:02}"


def _full(year: str) -> int:
    """19年 is 2019, 98年 is 1998."""
    said = int(year)
    return said if said > 99 else said + (2000 if said < 70 else 1900)


def _counted(count: str, of: str, way: str) -> str | None:
    unit = _unit(of)
    if count == "半" or count.startswith("half"):
        amount, unit = {"m": (15, "d"), "y": (6, "m")}.get(unit, (0, unit))
    else:
        amount = (number(count) or 0) * (2 if of == "fortnight" else 1)
    back = way in ("ago", "earlier") or way.endswith("前")
    return f"relative:{-amount if back else amount}{unit}" if amount else None


def _weeks(shift: str) -> int:
    match shift.lower():
        case "last":
            return -1
        case "next":
            return 1
        case _:
            return shift.count("下") - shift.count("上")


def _weekday(word: str) -> str:
    return _HAN_WEEKDAYS.get(word) or word[:3].lower()


def _unit(word: str) -> str:
    if word in ("天", "日") or word.lower() == "day":
        return "d"
    if word.endswith("月") or word.lower() == "month":
        return "m"
    return "y" if word == "年" or word.lower() == "year" else "w"


def _shifted(today: date, amount: int, unit: str) -> date:
    match unit:
        case "d":
            return today + timedelta(days=amount)
        case "w":
            return today + timedelta(weeks=amount)
        case _:
            months = today.year * 12 + today.month - 1 + amount * (12 if unit == "y" else 1)
            return _clipped(months // 12, months % 12 + 1, today.day)


def _clipped(year: int, month: int, day: int) -> date:
    """That day, or the last one of a shorter month."""
    for shorter in range(day, day - 4, -1):
        try:
            return date(year, month, shorter)
        except ValueError:
            continue
    raise ValueError(day)


def _nearest(today: date, month: int | None, day: int) -> date | None:
    months = [today.year * 12 + today.month - 1 + shift for shift in (-1, 0, 1)]
    places = [(today.year + shift, month) for shift in (-1, 0, 1)] if month else [(m // 12, m % 12 + 1) for m in months]
    days: list[date] = []
    for year, of_year in places:
        try:
            days.append(date(year, of_year, day))
        except ValueError:
            continue
    return min(days, key=lambda one: abs((one - today).days), default=None)
