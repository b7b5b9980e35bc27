"""Wishes about one's own data: a copy of it, or that it be erased. Everything else about privacy is a question."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from nlu.understanding import Language

FACT: Final = "own_data"
"""Under which a case keeps what was wished for."""


class Wish(StrEnum):
    COPY = "export"  # everything that we know of them, to take along
    ERASURE = "erasure"  # to be forgotten


_DATA = (
    r"(?:data|info\w*|details?|records?|profile|account|history|chats?|messages|conversations?|everything|traces?|file)"
)
_ERASE = re.compile(
    r"\b(?:del(?:e?te)?|erase|remove|wipe|nuke|yeet|destroy|get rid of|close|cancel)\b"
    rf"[^.?!]{{0,60}}\b(?:{_DATA}|acc)\b"
    rf"|\b(?:{_DATA}|me)\b[^.?!]{{0,40}}\b(?:to be |be )?(?:deleted|erased|removed|wiped|destroyed)\b"
    r"|\bforget (?:about )?(?:me|everything)\b|\bright to (?:erasure|be forgotten)\b|\b(?:request|want) erasure\b"
    r"|\bwipe me\b|\bbe (?:forgotten|erased)\b|\bshould be removed\b",
    re.IGNORECASE,
)
_COPY = re.compile(
    rf"\b(?:copy|export|download|list)\b[^.?!]{{0,60}}\b{_DATA}\b|\b{_DATA}\b[^.?!]{{0,20}}\bcopy\b"
    rf"|\b(?:send|give|show) me\b[^.?!]{{0,40}}\b(?:{_DATA}|what you have)\b"
    r"[^.?!]{0,40}\b(?:me|my|mine|hold|have|keep)\b"
    r"|\b(?:subject )?access request\b|\bright of access\b|\bdsar\b|\bdata portability\b",
    re.IGNORECASE,
)
_ERASE_ZH = re.compile(
    r"(?:删除|删掉|删了|清除|清空|抹掉|抹除|销毁|删干净|注销|注消|销号|被遗忘|删除权|忘记我|刪除|刪掉|刪了|銷毀|註銷|銷號|被遺忘|刪除權|忘記我)"
    r"|(?:删|刪)(?:我|号|帳|账)"
)
_COPY_ZH = re.compile(
    r"(?:导出|匯出|导一份|副本|拷贝|查阅权|查詢權|查询权|申请查阅|申請查閱|携带权|攜帶權)"
    r"|(?:一份|全部|所有).{0,12}(?:我的|掌握的|关于我的|關於我的).{0,8}(?:信息|资料|数据|資料|個資|数据|資訊)"
    r"|(?:给|發|发|寄|提供).{0,6}(?:一份|我).{0,16}(?:信息|资料|数据|資料|個資|資訊)"
)
_NEGATED = re.compile(
    r"\b(?:don'?t|do not|never) (?:delete|erase|remove)|(?:不要|别|別|不用)(?:删|刪|注销|註銷)"
    r"|\b(?:have|has|were|was|are) (?:\w+ ){0,3}been (?:deleted|erased|removed)\b",
    re.IGNORECASE,
)


def wish_in(text: str) -> Wish | None:
    """What is asked for; None: it is a question, or too unclear to act on. A person decides in every case.

    Who asks for both wants their copy first: what is erased cannot be copied.
    """
    said = unicodedata.normalize("NFKC", text)[:2000]
    if _COPY.search(said) or _COPY_ZH.search(said):
        return Wish.COPY
    if _NEGATED.search(said):
        return None
    if _ERASE.search(said) or _ERASE_ZH.search(said):
        return Wish.ERASURE
    return None


USUAL: Mapping[Language, Mapping[str, str]] = {
    Language.EN: {
        "own_data.copy_asked": (
            "I've noted that you'd like a copy of your data (number {number}). A colleague prepares it and "
            "sends it to you here."
        ),
        "own_data.erasure_asked": (
            "I've noted that you'd like your data to be erased (number {number}). A colleague sees to it and "
            "tells you here when it is done. It cannot be undone."
        ),
        "own_data.prove": (
            "So that nobody else can ask for it in your name, please also tell us the number of one of your "
            "orders, or write to us from the e-mail address or phone number that you gave us."
        ),
        "own_data.copy_ready": (
            "The copy of your data at {business} is ready. For {days} days, you can fetch it here; give the "
            "link to nobody else: {link}"
        ),
        "own_data.erased": (
            "{business} now erases everything that tells who you are: your messages, your name and your "
            "addresses. This is our last message about it. Thank you for having been with us."
        ),
    },
    Language.ZH_HANS: {
        "own_data.copy_asked": "已登记您索取个人数据副本的申请，编号 {number}。同事准备好后会在这里发给您。",
        "own_data.erasure_asked": (
            "已登记您删除个人数据的申请，编号 {number}。同事会尽快处理，完成后在这里告知您。请注意，删除后无法恢复。"
        ),
        "own_data.prove": (
            "为防止他人冒用您的名义申请，请再告诉我们您的任意一个订单号，或用您留给我们的邮箱或手机号联系我们。"
        ),
        "own_data.copy_ready": (
            "您在{business}的个人数据副本已经准备好，{days} 天内可通过以下链接下载，请勿把链接转给他人：{link}"
        ),
        "own_data.erased": (
            "{business}现在将删除所有能识别您身份的信息，包括消息、姓名和联系方式。"
            "这是我们就此发给您的最后一条消息，感谢您一直以来的支持。"
        ),
    },
    Language.ZH_HANT: {
        "own_data.copy_asked": "已登記您索取個人資料副本的申請，編號 {number}。同事準備好後會在這裡傳給您。",
        "own_data.erasure_asked": (
            "已登記您刪除個人資料的申請，編號 {number}。同事會盡快處理，完成後在這裡通知您。請注意，刪除後無法復原。"
        ),
        "own_data.prove": (
            "為避免他人冒用您的名義申請，請再告訴我們您的任一訂單編號，或用您留給我們的電子郵件或手機號碼聯絡我們。"
        ),
        "own_data.copy_ready": (
            "您在{business}的個人資料副本已準備好，{days} 天內可由以下連結下載，請勿將連結轉給他人：{link}"
        ),
        "own_data.erased": (
            "{business}現在將刪除所有能識別您身分的資料，包括訊息、姓名和聯絡方式。"
            "這是我們就此傳給您的最後一則訊息，感謝您一直以來的支持。"
        ),
    },
}
"""What is said about it, unless a business says it otherwise."""
