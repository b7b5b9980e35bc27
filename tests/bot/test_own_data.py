"""What people wish done with their own data, in their words."""

from __future__ import annotations

import pytest

from bot.own_data import USUAL, Wish, wish_in
from bot.wordings import PLACEHOLDER
from bot.words import WORDS


@pytest.mark.parametrize(
    "text",
    [
        "delete my data",
        "I want you to delete my account and all my information",
        "please wipe everything you know about me",
        "right to be forgotten",
        "under GDPR I request erasure",
        "close my account and remove all records",
        "I'd like my customer profile to be erased for good",
        "Please have all my records destroyed",
        "forget me",
        "wipe me from ur system",
        "删除我的个人信息",
        "我要注销账号并删除所有数据",
        "刪除我的個人資料",
        "麻烦把我的账户永久删除",
        "把我的东西都删干净",
        "我要求被遗忘",
        "註銷會員，資料不要留",
        "帮我销号",
    ],
)
def test_who_wants_to_be_forgotten(text: str) -> None:
    assert wish_in(text) is Wish.ERASURE


@pytest.mark.parametrize(
    "text",
    [
        "send me a copy of my personal data",
        "export my personal information",
        "data subject access request",
        "DSAR",
        "give me all info you hold about me",
        "show me what you have on me",
        "perosnal data copy pls",
        "请导出我的个人数据",
        "给我一份我的数据副本",
        "給我一份我的資料副本",
        "請提供我的個人資料副本",
        "给我发一份你们掌握的信息",
        "申请查阅个人信息",
        "send me a copy of my data and then delete everything",
    ],
)
def test_who_wants_a_copy(text: str) -> None:
    assert wish_in(text) is Wish.COPY


@pytest.mark.parametrize(
    "text",
    [
        "what data do you have about me",
        "how did you get my number",
        "where is your privacy policy",
        "do you store this chat",
        "Could you confirm that my details have been deleted?",
        "please do not delete my account",
        "are you selling my data",
        "隐私政策在哪看",
        "你们怎么会有我的电话号码",
        "你们会保存聊天记录吗",
        "不要删除我的账号",
        "我的信息是不是泄露了",
        "",
    ],
)
def test_a_question_is_no_wish(text: str) -> None:
    assert wish_in(text) is None


def test_what_is_said_about_it_is_there_in_every_language_with_its_placeholders() -> None:
    keys = {key for key in WORDS if key.startswith("own_data.")}
    for texts in USUAL.values():
        assert set(texts) == keys
        for key, text in texts.items():
            assert set(PLACEHOLDER.findall(text)) <= set(WORDS[key].split())
