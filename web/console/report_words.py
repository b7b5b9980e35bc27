"""Figures in words: a value, what it was made of, and how it differs from the period before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from markupsafe import Markup

from bot.playbook import Playbook
from desk.reasons import in_words
from desk.reports.figures import Better, Figure, Unit
from desk.reports.periods import Grain, Period
from desk.reports.report import Series, Value
from nlu.understanding import Language
from web.console import plots, texts
from web.console.plots import Point


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """How a figure differs from the period before."""

    words: str
    tone: str
    """`better`, `worse`, or empty: neither, or too few to tell."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FigureWords:
    """One language's words for figures."""

    language: str
    playbook: Playbook

    def say(self, key: str, **values: object) -> str:
        return texts.words(self.language)[f"reports.{key}"].format_map(values)

    def value(self, figure: Figure, value: Value) -> str:
        return self.plain(figure.unit, value.value)

    def plain(self, unit: Unit, value: float | None) -> str:
        if value is None:
            return self.say("no_data")
        match unit:
            case Unit.COUNT | Unit.STOCK:
                return f"{round(value):,}"
            case Unit.SHARE:
                return f"{value:.0%}" if value in (0, 1) or 0.1 <= value <= 0.9 else f"{value:.1%}"
            case Unit.SECONDS:
                return self.time(value)
            case Unit.SCORE:
                return f"{value:.2f}"

    def time(self, seconds: float) -> str:
        """In the two largest units that matter."""
        whole = round(seconds)
        if whole < 60:
            return self.say("seconds", seconds=whole)
        minutes = round(seconds / 60)
        if minutes < 60:
            return self.say("minutes", minutes=minutes)
        hours, minutes = divmod(minutes, 60)
        if hours < 48:
            return (
                self.say("hours_minutes", hours=hours, minutes=minutes) if minutes else self.say("hours", hours=hours)
            )
        days, hours = divmod(hours, 24)
        return self.say("days_hours", days=days, hours=hours) if hours else self.say("days", days=days)

    def made_of(self, figure: Figure, value: Value) -> str:
        """The number behind a share, a time or a score; empty where the value is the number itself."""
        if value.value is None:
            return ""
        match figure.unit:
            case Unit.COUNT | Unit.STOCK:
                return ""
            case Unit.SHARE:
                return self.say("of", count=f"{value.count:,}", among=f"{value.among or 0:,}")
            case Unit.SECONDS:
                high = self.time(value.high) if value.high is not None else ""
                return self.say("nine_of_ten", high=high, count=f"{value.count:,}")
            case Unit.SCORE:
                return self.say("scores", count=f"{value.count:,}")

    def change(self, figure: Figure, series: Series) -> Change | None:
        now, before = series.whole, series.before
        if now.value is None or before.value is None:
            return None
        was = self.plain(figure.unit, before.value)
        if figure.unit in (Unit.SHARE, Unit.SCORE):
            difference = now.value - before.value
            words = f"{difference * 100:+.1f}" if figure.unit is Unit.SHARE else f"{difference:+.2f}"
            words = self.say("points", points=words) if figure.unit is Unit.SHARE else words
        elif before.value == 0:
            return None if now.value == 0 else Change(words=self.say("before", was=was), tone="")
        else:
            difference = now.value / before.value - 1
            words = f"{difference:+.0%}"
        tone = ""
        if figure.better is not Better.NEITHER and not now.few and not before.few and abs(difference) > 0.005:
            tone = "better" if (difference > 0) == (figure.better is Better.MORE) else "worse"
        return Change(words=self.say("change", change=words.replace("-", "−"), was=was), tone=tone)

    def day(self, day: date, grain: Grain) -> str:
        match grain:
            case Grain.DAY | Grain.WEEK:
                month = f"{day:%b}" if self.language == "en" else day.month
                return self.say("day", month=month, day=day.day)
            case Grain.MONTH:
                return self.say("month", year=day.year, month=f"{day.month:02}")

    def at(self, moment: datetime, zone: ZoneInfo) -> str:
        return moment.astimezone(zone).strftime("%H:%M")

    def kind(self, spread: str, kind: str | None) -> str:
        """One of what something is made of, as people call it."""
        language = Language(self.language)
        if kind is None:
            return self.say("none_handoff" if spread == "handoff_reasons" else "none_cause")
        match spread:
            case "handoff_reasons":
                return in_words(kind, language)
            case "complaint_causes":
                cause = self.playbook.causes.get(kind)
                return cause.names[language] if cause is not None else kind
            case _:
                return self.say("stars", score=kind)

    def plot(self, series: Series, period: Period) -> Markup:
        figure = series.figure
        points = [
            Point(
                label=self.day(bucket.day, period.grain),
                value=value.value,
                high=value.high,
                few=value.few and figure.unit not in (Unit.COUNT, Unit.STOCK),
                tells=" ".join(
                    (f"{self.day(bucket.day, period.grain)}:", self.value(figure, value), self.made_of(figure, value))
                ),
            )
            for bucket, value in series.over_time
        ]
        title = self.say("plot", name=figure.name[self.language], value=self.value(figure, series.whole))
        tick: Callable[[float], str] = lambda value: self._tick(figure.unit, value)  # noqa: E731
        if figure.unit is Unit.COUNT:
            return plots.bars(points, title=title, tick=tick)
        most = {Unit.SHARE: 1.0, Unit.SCORE: 5.0}.get(figure.unit)
        if figure.key == "complaint_rate":
            most = None
        return plots.lines(points, title=title, tick=tick, most=most, times=figure.unit is Unit.SECONDS)

    def spark(self, series: Series) -> Markup:
        return plots.spark([value.value for _, value in series.over_time])

    def _tick(self, unit: Unit, value: float) -> str:
        match unit:
            case Unit.COUNT | Unit.STOCK:
                return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"
            case Unit.SHARE:
                return f"{value:.0%}" if round(value * 100) == round(value * 100, 3) else f"{value:.1%}"
            case Unit.SECONDS:
                return self.time(value)
            case Unit.SCORE:
                return f"{value:.2g}"
