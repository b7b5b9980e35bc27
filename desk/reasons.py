"""Why people have a conversation, in words: what the terminal and the console show in place of a code."""

from __future__ import annotations

from collections.abc import Mapping

from bot.effects import HandOffReason as Reason
from nlu.understanding import Language

IN_WORDS: Mapping[Language, Mapping[str, str]] = {
    Language.EN: {
        Reason.REQUESTED: "asked for a person",
        Reason.NOT_UNDERSTOOD: "not understood several times",
        Reason.ANGER: "very angry",
        Reason.LEGAL: "speaks of lawyers, authorities or the press",
        Reason.POLICY: "a person decides this",
        Reason.UNFOUNDED: "a complaint that the rules would decline",
        Reason.BAD_SCORE: "not satisfied with how it was settled",
        Reason.PROMISE_BROKEN: "a promise to them is overdue",
        Reason.FAILURE: "the assistant failed",
        Reason.NOT_SPAM: "taken out of the spam folder",
        Reason.ASSISTANT: "passed on by your own assistant",
    },
    Language.ZH_HANS: {
        Reason.REQUESTED: "要求人工客服",
        Reason.NOT_UNDERSTOOD: "多次没听懂客户的意思",
        Reason.ANGER: "客户情绪激动",
        Reason.LEGAL: "提到律师、监管部门或媒体",
        Reason.POLICY: "需要人工决定",
        Reason.UNFOUNDED: "按规则不予支持的投诉",
        Reason.BAD_SCORE: "对处理结果不满意",
        Reason.PROMISE_BROKEN: "对客户的承诺已逾期",
        Reason.FAILURE: "智能助手出错",
        Reason.NOT_SPAM: "从垃圾消息中移出",
        Reason.ASSISTANT: "由自有助手转来",
    },
    Language.ZH_HANT: {
        Reason.REQUESTED: "要求真人客服",
        Reason.NOT_UNDERSTOOD: "多次沒聽懂客戶的意思",
        Reason.ANGER: "客戶情緒激動",
        Reason.LEGAL: "提到律師、主管機關或媒體",
        Reason.POLICY: "需要人工決定",
        Reason.UNFOUNDED: "依規則不予支持的投訴",
        Reason.BAD_SCORE: "對處理結果不滿意",
        Reason.PROMISE_BROKEN: "對客戶的承諾已逾期",
        Reason.FAILURE: "智慧助理出錯",
        Reason.NOT_SPAM: "從垃圾訊息中移出",
        Reason.ASSISTANT: "由自有助理轉來",
    },
}


def in_words(reason: str, language: Language = Language.EN) -> str:
    """Of a `HandOffReason` as it is stored; one of another version of the house is shown as it is."""
    return IN_WORDS[language].get(reason, reason)
