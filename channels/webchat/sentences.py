"""What went wrong, said to the customer in their language."""

from __future__ import annotations

from collections.abc import Mapping

from channels.webchat.frames import ErrorCode

LANGUAGES = ("en", "zh-Hans", "zh-Hant")

SENTENCES: Mapping[ErrorCode, tuple[str, str, str]] = {
    ErrorCode.BAD_JSON: (
        "Something went wrong while sending. Please try again.",
        "发送时出了点问题，请再试一次。",
        "傳送時出了點問題，請再試一次。",
    ),
    ErrorCode.BAD_FRAME: (
        "Something went wrong while sending. Please reload the page and try again.",
        "发送时出了点问题，请刷新页面后再试。",
        "傳送時出了點問題，請重新整理頁面後再試。",
    ),
    ErrorCode.UNKNOWN_TYPE: (
        "This chat window is out of date. Please reload the page.",
        "聊天窗口不是最新版本，请刷新页面。",
        "聊天視窗不是最新版本，請重新整理頁面。",
    ),
    ErrorCode.BINARY: (
        "Something went wrong while sending. Please reload the page and try again.",
        "发送时出了点问题，请刷新页面后再试。",
        "傳送時出了點問題，請重新整理頁面後再試。",
    ),
    ErrorCode.HELLO_FIRST: (
        "The connection could not be opened. Please reload the page.",
        "连接没有建立成功，请刷新页面。",
        "連線沒有建立成功，請重新整理頁面。",
    ),
    ErrorCode.EMPTY: (
        "Please write something first.",
        "请先输入内容。",
        "請先輸入內容。",
    ),
    ErrorCode.TOO_LONG: (
        "This message is too long. Please shorten it or send it in several parts.",
        "这条消息太长了，请缩短一些，或分几条发送。",
        "這則訊息太長了，請縮短一些，或分成幾則傳送。",
    ),
    ErrorCode.TOO_LARGE: (
        "This is too large to send.",
        "内容太大，无法发送。",
        "內容太大，無法傳送。",
    ),
    ErrorCode.TOO_MANY: (
        "That was a bit fast. Please wait a moment and try again.",
        "操作有点快，请稍等片刻再试。",
        "操作有點快，請稍候片刻再試。",
    ),
    ErrorCode.TOO_MANY_SOCKETS: (
        "This chat is open in too many windows. Please close some of them.",
        "您打开的聊天窗口太多了，请关闭几个。",
        "您開啟的聊天視窗太多了，請關閉幾個。",
    ),
    ErrorCode.UNAUTHORIZED: (
        "Your chat session has expired. Please reload the page.",
        "聊天已过期，请刷新页面。",
        "聊天已過期，請重新整理頁面。",
    ),
    ErrorCode.BAD_ORIGIN: (
        "The chat is not available on this site.",
        "本网站未开通此聊天服务。",
        "本網站未開通此聊天服務。",
    ),
    ErrorCode.BAD_ATTACHMENT: (
        "The attachment could not be sent. Please add it again.",
        "附件发送失败，请重新添加。",
        "附件傳送失敗，請重新加入。",
    ),
    ErrorCode.BAD_TYPE: (
        "This kind of file cannot be sent here. Pictures, PDF and plain text work.",
        "这里不支持发送这种文件，可以发送图片、PDF 和纯文本。",
        "這裡不支援傳送這種檔案，可以傳送圖片、PDF 和純文字。",
    ),
    ErrorCode.BAD_LINK: (
        "This link has expired. Please open the file from the chat again.",
        "链接已失效，请从聊天中重新打开文件。",
        "連結已失效，請從聊天中重新開啟檔案。",
    ),
    ErrorCode.UNAVAILABLE: (
        "We cannot take messages right now. Yours will be sent as soon as possible.",
        "暂时无法接收消息，恢复后会立即为您发送。",
        "暫時無法接收訊息，恢復後會立即為您傳送。",
    ),
}


def sentence(code: ErrorCode, language: str | None) -> str:
    """The sentence for a code; `language` is an IETF tag or an Accept-Language header, English for what is unknown."""
    return SENTENCES[code][LANGUAGES.index(spoken(language))]


def spoken(language: str | None) -> str:
    """Which of our languages a tag means: Taiwan, Hong Kong and Macau write traditional characters."""
    first = (language or "").split(",")[0].split(";")[0].strip().lower().replace("_", "-")
    main, *rest = first.split("-")
    if main != "zh":
        return "en"
    return "zh-Hant" if "hans" not in rest and {"hant", "tw", "hk", "mo"}.intersection(rest) else "zh-Hans"
