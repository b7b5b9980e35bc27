"""Figures: each with its words, its definition and what it is counted from, in one place.

A definition says what is counted, on which day, and what is left out; it is shown wherever the figure is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, case, func, literal_column

from bot.turn import CaseKind
from desk.reports import sources
from desk.reports.sources import Source, seconds_between
from storage.cases import Case
from storage.deadlines import Deadline
from storage.measured import Measured, MeasuredMessages


class Unit(StrEnum):
    COUNT = "count"
    SHARE = "share"  # of `among`
    SECONDS = "seconds"  # the median, and what nine of ten stayed below
    SCORE = "score"  # the mean of 1 to 5
    STOCK = "stock"  # how many there were at the end of each day, week or month


class Better(StrEnum):
    MORE = "more"
    LESS = "less"
    NEITHER = "neither"


class Part(StrEnum):
    """Where on the page it stands."""

    VOLUME = "volume"
    SPEED = "speed"
    CASES = "cases"
    SATISFACTION = "satisfaction"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Figure:
    """One figure."""

    key: str
    part: Part
    unit: Unit
    better: Better = Better.NEITHER
    name: Mapping[str, str]
    means: Mapping[str, str]
    """The definition."""
    source: Source
    count: ColumnElement[Any] | None = None
    """What is summed: of COUNT what there is; of SHARE how many of `among`."""
    among: ColumnElement[Any] | None = None
    among_source: Source | None = None
    """Where `among` is counted, if that is elsewhere."""
    value: ColumnElement[Any] | None = None
    """Of SECONDS and SCORE; None counts for nothing."""
    leaves: Source | None = None
    """Of STOCK: what ends it, as `source` is what begins it."""
    for_marketers: bool = False
    for_agents: bool = True
    """It says something about one agent."""


ONE: Final[ColumnElement[Any]] = literal_column("1")


def _if(condition: ColumnElement[bool]) -> ColumnElement[Any]:
    return case((condition, 1), else_=0)


_wrote = MeasuredMessages.messages.expression
_complaint = Case.kind == CaseKind.COMPLAINT

FIGURES: Final[Sequence[Figure]] = (
    Figure(
        key="conversations",
        part=Part.VOLUME,
        unit=Unit.COUNT,
        name={"en": "Conversations", "zh-Hans": "会话数", "zh-Hant": "對話數"},
        means={
            "en": "Conversations that began, on the day of the first message. Spam is not counted.",
            "zh-Hans": "新开始的会话，按第一条消息的日期统计。不含垃圾消息。",
            "zh-Hant": "新開始的對話，依第一則訊息的日期統計。不含垃圾訊息。",
        },
        source=sources.OPENED,
        count=ONE,
        for_marketers=True,
    ),
    Figure(
        key="messages_in",
        part=Part.VOLUME,
        unit=Unit.COUNT,
        name={"en": "Messages from customers", "zh-Hans": "客户消息数", "zh-Hant": "客戶訊息數"},
        means={
            "en": "What customers wrote or pressed, when it reached us. Automatic replies are not counted.",
            "zh-Hans": "客户发送的消息和点击的按钮，按到达时间统计。不含自动回复。",
            "zh-Hant": "客戶傳送的訊息與點按的按鈕，依到達時間統計。不含自動回覆。",
        },
        source=sources.MESSAGES,
        count=_wrote * _if(MeasuredMessages.author == "customer"),
        for_marketers=True,
    ),
    Figure(
        key="messages_bot",
        part=Part.VOLUME,
        unit=Unit.COUNT,
        name={"en": "Answers of the assistant", "zh-Hans": "智能助手回复数", "zh-Hant": "智慧助理回覆數"},
        means={
            "en": "Messages that the assistant wrote to customers.",
            "zh-Hans": "智能助手发给客户的消息。",
            "zh-Hant": "智慧助理傳給客戶的訊息。",
        },
        source=sources.MESSAGES,
        count=_wrote * _if(MeasuredMessages.author == "bot"),
        for_marketers=True,
        for_agents=False,
    ),
    Figure(
        key="messages_people",
        part=Part.VOLUME,
        unit=Unit.COUNT,
        name={"en": "Answers of people", "zh-Hans": "人工回复数", "zh-Hant": "真人回覆數"},
        means={
            "en": "Messages that agents wrote to customers. Notes are not counted.",
            "zh-Hans": "客服人员发给客户的消息。不含内部备注。",
            "zh-Hant": "客服人員傳給客戶的訊息。不含內部備註。",
        },
        source=sources.MESSAGES,
        count=_wrote * _if(MeasuredMessages.author.startswith("agent:")),
        for_marketers=True,
    ),
    Figure(
        key="handed_off",
        part=Part.VOLUME,
        unit=Unit.COUNT,
        name={"en": "Came to people", "zh-Hans": "转人工数", "zh-Hant": "轉真人數"},
        means={
            "en": "Conversations that people got, on the day they got them (the last time, if more than once).",
            "zh-Hans": "转到人工的会话，按转人工的日期统计（多次转接按最后一次）。",
            "zh-Hant": "轉到真人的對話，依轉接日期統計（多次轉接以最後一次為準）。",
        },
        source=sources.HANDED_OFF,
        count=ONE,
    ),
    Figure(
        key="containment",
        part=Part.VOLUME,
        unit=Unit.SHARE,
        better=Better.MORE,
        name={"en": "Settled by the assistant", "zh-Hans": "助手独立解决率", "zh-Hant": "助理獨立解決率"},
        means={
            "en": "Of the conversations that ended, those that no person ever had. One that fell silent has ended,"
            " too.",
            "zh-Hans": "已结束的会话中，从未转人工的比例。因无人继续而关闭的也算结束。",
            "zh-Hant": "已結束的對話中，從未轉真人的比例。因無人繼續而關閉的也算結束。",
        },
        source=sources.CLOSED,
        count=_if(Measured.handed_off_at.is_(None)),
        among=ONE,
        for_agents=False,
    ),
    Figure(
        key="backlog",
        part=Part.SPEED,
        unit=Unit.STOCK,
        better=Better.LESS,
        name={"en": "Open with people", "zh-Hans": "人工待处理数", "zh-Hant": "真人待處理數"},
        means={
            "en": "Conversations that people had and had not finished at the end of the day, week or month.",
            "zh-Hans": "截至当天（周、月）结束时，人工尚未处理完的会话。",
            "zh-Hant": "截至當天（週、月）結束時，真人尚未處理完的對話。",
        },
        source=sources.HANDED_OFF,
        leaves=sources.LEFT_PEOPLE,
    ),
    Figure(
        key="first_response",
        part=Part.SPEED,
        unit=Unit.SECONDS,
        better=Better.LESS,
        name={"en": "First response by a person", "zh-Hans": "人工首次响应时间", "zh-Hant": "真人首次回應時間"},
        means={
            "en": "From the moment people got a conversation to the first answer of one of them, nights and holidays"
            " included, on the day they got it. What nobody has answered is not in it: see the next figure.",
            "zh-Hans": "从转人工到客服第一次回复的时间，包含夜间和节假日，按转人工的日期统计。"
            "尚未回复的不计入，见下一项。",
            "zh-Hant": "從轉真人到客服第一次回覆的時間，包含夜間和假日，依轉接日期統計。尚未回覆的不計入，見下一項。",
        },
        source=sources.HANDED_OFF,
        value=Measured.person_seconds.expression,
    ),
    Figure(
        key="answered",
        part=Part.SPEED,
        unit=Unit.SHARE,
        better=Better.MORE,
        name={"en": "Answered by a person", "zh-Hans": "人工回复率", "zh-Hant": "真人回覆率"},
        means={
            "en": "Of the conversations that people got, those in which one of them has written to the customer.",
            "zh-Hans": "转人工的会话中，客服已回复客户的比例。",
            "zh-Hant": "轉真人的對話中，客服已回覆客戶的比例。",
        },
        source=sources.HANDED_OFF,
        count=_if(Measured.person_seconds.is_not(None)),
        among=ONE,
    ),
    Figure(
        key="first_answer",
        part=Part.SPEED,
        unit=Unit.SECONDS,
        better=Better.LESS,
        name={"en": "First answer of anybody", "zh-Hans": "首次应答时间", "zh-Hant": "首次應答時間"},
        means={
            "en": "From a conversation's first message to the first answer, the assistant's included.",
            "zh-Hans": "从会话的第一条消息到第一次应答的时间，包含智能助手的应答。",
            "zh-Hant": "從對話的第一則訊息到第一次應答的時間，包含智慧助理的應答。",
        },
        source=sources.OPENED,
        value=Measured.answer_seconds.expression,
    ),
    Figure(
        key="resolution",
        part=Part.SPEED,
        unit=Unit.SECONDS,
        better=Better.LESS,
        name={"en": "Time to resolution", "zh-Hans": "解决时长", "zh-Hant": "解決時長"},
        means={
            "en": "From the first message until somebody marked the conversation as resolved, on that day."
            " Conversations that merely fell silent are not in it.",
            "zh-Hans": "从第一条消息到标记为已解决的时间，按解决日期统计。因无人继续而关闭的会话不计入。",
            "zh-Hant": "從第一則訊息到標記為已解決的時間，依解決日期統計。因無人繼續而關閉的對話不計入。",
        },
        source=sources.CLOSED,
        value=Measured.resolution_seconds.expression,
    ),
    Figure(
        key="deadlines_kept",
        part=Part.SPEED,
        unit=Unit.SHARE,
        better=Better.MORE,
        name={"en": "Deadlines kept", "zh-Hans": "按时完成率", "zh-Hant": "準時完成率"},
        means={
            "en": "Of the cases' deadlines (first response, next update, solution) that were met or missed on that day,"
            " those that were met in time.",
            "zh-Hans": "当天到期或完成的工单时限（首次响应、进展更新、解决）中，按时完成的比例。",
            "zh-Hant": "當天到期或完成的案件時限（首次回應、進度更新、解決）中，準時完成的比例。",
        },
        source=sources.DEADLINES,
        count=_if(Deadline.breached_at.is_(None)),
        among=ONE,
    ),
    Figure(
        key="complaints",
        part=Part.CASES,
        unit=Unit.COUNT,
        better=Better.LESS,
        name={"en": "Complaints", "zh-Hans": "投诉数", "zh-Hant": "投訴數"},
        means={
            "en": "Complaint cases that were opened. Merged ones count once.",
            "zh-Hans": "新建的投诉工单。合并的工单只计一次。",
            "zh-Hant": "新建的投訴案件。合併的案件只計一次。",
        },
        source=sources.CASES_OPENED,
        count=_if(_complaint),
    ),
    Figure(
        key="complaint_rate",
        part=Part.CASES,
        unit=Unit.SHARE,
        better=Better.LESS,
        name={"en": "Complaint rate", "zh-Hans": "投诉率", "zh-Hant": "投訴率"},
        means={
            "en": "Complaints that were opened, for the conversations that began in the same time.",
            "zh-Hans": "同一时间内新建投诉数与新开始会话数之比。",
            "zh-Hant": "同一時間內新建投訴數與新開始對話數之比。",
        },
        source=sources.CASES_OPENED,
        count=_if(_complaint),
        among=ONE,
        among_source=sources.OPENED,
    ),
    Figure(
        key="case_resolution",
        part=Part.CASES,
        unit=Unit.SECONDS,
        better=Better.LESS,
        name={"en": "Time to close a case", "zh-Hans": "工单处理时长", "zh-Hant": "案件處理時長"},
        means={
            "en": "From the opening of a case to its closing, on the day it was closed. One that was opened again"
            " counts when it is closed at last.",
            "zh-Hans": "从工单建立到关闭的时间，按关闭日期统计。重新打开的工单按最终关闭时间计算。",
            "zh-Hant": "從案件建立到結案的時間，依結案日期統計。重新開啟的案件以最終結案時間計算。",
        },
        source=sources.CASES_CLOSED,
        value=seconds_between(Case.opened_at, Case.closed_at),
    ),
    Figure(
        key="satisfaction",
        part=Part.SATISFACTION,
        unit=Unit.SCORE,
        better=Better.MORE,
        name={"en": "Satisfaction", "zh-Hans": "满意度", "zh-Hant": "滿意度"},
        means={
            "en": "The mean of the scores from 1 to 5 that customers gave after a case, on the day it was closed (or,"
            " where it is open again, last changed).",
            "zh-Hans": "客户在工单结束后给出的 1 至 5 分的平均值，按关闭日期统计（重新打开的按最近更新日期）。",
            "zh-Hant": "客戶在案件結束後給出的 1 至 5 分的平均值，依結案日期統計（重新開啟的依最近更新日期）。",
        },
        source=sources.CASES_JUDGED,
        value=Case.score.expression,
        for_marketers=True,
    ),
    Figure(
        key="satisfied",
        part=Part.SATISFACTION,
        unit=Unit.SHARE,
        better=Better.MORE,
        name={"en": "Satisfied customers", "zh-Hans": "满意率", "zh-Hant": "滿意率"},
        means={
            "en": "Of the scores that customers gave, those of 4 and 5.",
            "zh-Hans": "客户评分中 4 分和 5 分的比例。",
            "zh-Hant": "客戶評分中 4 分和 5 分的比例。",
        },
        source=sources.CASES_JUDGED,
        count=_if(Case.score >= 4),
        among=_if(Case.score.is_not(None)),
        for_marketers=True,
    ),
    Figure(
        key="survey_answered",
        part=Part.SATISFACTION,
        unit=Unit.SHARE,
        name={"en": "Surveys answered", "zh-Hans": "评价回复率", "zh-Hant": "評價回覆率"},
        means={
            "en": "Of the customers who were asked how it was, those who answered. The fewer, the less the scores say.",
            "zh-Hans": "收到满意度询问的客户中，作出回答的比例。比例越低，评分越难代表全部客户。",
            "zh-Hant": "收到滿意度詢問的客戶中，作出回答的比例。比例越低，評分越難代表全部客戶。",
        },
        source=sources.CASES_JUDGED,
        count=_if(Case.survey_asked.is_(True) & Case.score.is_not(None)),
        among=_if(Case.survey_asked.is_(True)),
        for_marketers=True,
    ),
)

BY_KEY: Final[Mapping[str, Figure]] = {figure.key: figure for figure in FIGURES}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Spread:
    """What something is made of: how many of each kind."""

    key: str
    name: Mapping[str, str]
    means: Mapping[str, str]
    source: Source
    kind: ColumnElement[Any]
    where: ColumnElement[bool]
    in_order: bool = False
    """By kind; else the most frequent first."""
    for_marketers: bool = False


SPREADS: Final[Sequence[Spread]] = (
    Spread(
        key="handoff_reasons",
        name={"en": "Why people got conversations", "zh-Hans": "转人工原因", "zh-Hant": "轉真人原因"},
        means={
            "en": "The reason of the last hand-off. Those that an agent took unasked have none.",
            "zh-Hans": "最后一次转人工的原因。客服主动接手的没有原因。",
            "zh-Hant": "最後一次轉真人的原因。客服主動接手的沒有原因。",
        },
        source=sources.HANDED_OFF,
        kind=Measured.reason.expression,
        where=Measured.handed_off_at.is_not(None),
    ),
    Spread(
        key="complaint_causes",
        name={"en": "What complaints are about", "zh-Hans": "投诉原因", "zh-Hant": "投訴原因"},
        means={
            "en": "Complaints opened in the period by root cause; where nobody has found it yet, by category.",
            "zh-Hans": "期间内新建的投诉，按根本原因统计；尚未查明的按类别统计。",
            "zh-Hant": "期間內新建的投訴，依根本原因統計；尚未查明的依類別統計。",
        },
        source=sources.CASES_OPENED,
        kind=func.coalesce(Case.cause, Case.category),
        where=_complaint,
    ),
    Spread(
        key="scores",
        name={"en": "Scores", "zh-Hans": "评分分布", "zh-Hant": "評分分布"},
        means={
            "en": "How often customers gave each score.",
            "zh-Hans": "客户给出各个评分的次数。",
            "zh-Hant": "客戶給出各個評分的次數。",
        },
        source=sources.CASES_JUDGED,
        kind=Case.score.expression,
        where=Case.score.is_not(None),
        in_order=True,
        for_marketers=True,
    ),
)
