"""Who wants no more of it is understood, and who only uses the same words is not."""

from __future__ import annotations

import csv
import gzip
import io
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given as property_of
from hypothesis import strategies as st

from nlu.optout import OptOut, read

WITHDRAWN = [
    "please stop sending me these offers",
    "Stop texting me",
    "STOP PLEASE",
    "please stop",
    "please don't text me anymore",
    "please don\u2019t text me anymore",
    "I don't want to receive these messages any more",
    "take me off your mailing list please",
    "Hi, could you please unsubscribe me from your newsletter? Thanks",
    "I'd like to unsubscribe",
    "how do I unsubscribe from your emails?",
    "no more emails please",
    "remove my number from your list",
    "I no longer wish to receive marketing emails from you",
    "stop spamming me!!!",
    "Stop sending me texts, I never signed up",
    "I love your tea but please stop sending me the newsletter",
    "your unsubscribe link doesn't work",
    "I have unsubscribed three times from your newsletter",
    "I revoke my consent to receive marketing messages",
    "opt me out of all promotional texts",
    "stop sending me this",
    "i don't want your emails anymore",
    "Don't send me any more promotional emails.",
    "How can I stop getting these texts",
    "can you stop the spam",
    "Please remove me from the e-mail distribution list.",
    "You guys need to stop emailing me",
    "I asked you to stop texting me",
    "I'm not interested in receiving your newsletter",
    "I do not want to be contacted again",
    "别再给我发广告了",
    "把我从名单里去掉",
    "不要再给我发短信了",
    "请不要再发广告了",
    "这种广告短信不要再发给我了",
    "我不想再收到你们的促销短信",
    "怎么退订短信",
    "退订你们的广告",
    "麻烦把我的号码从群发名单中删除",
    "取消订阅邮件",
    "关闭营销推送",
    "别再骚扰我了",
    "不要再联系我了",
    "能不能别天天给我发优惠短信",
    "拒收营销短信",
    "不要再发优惠信息给我",
    "我不要广告短信",
    "你们不要再推销了",
    "你好，茶不错，但是以后不要再给我推送活动了，谢谢",
    "烦死了！天天发广告，别发广告了行吗",
    "撤回我的营销同意",
    "從名單中刪除我",
    "請不要再傳廣告給我",
    "我不想再收到促銷簡訊",
    "可以取消訂閱電子報嗎？麻煩幫我取消訂閱電子報",
    "請將我從你們的郵寄名單移除",
    "我唔想再收到你哋嘅廣告",
    "唔好再send廣告畀我",
    "please unsubscribe me from this list",
    "Pls stop sending messages",
    "stop the texts",
    "stop sending me promotions",
    "Do not contact me again.",
    "please do not send me marketing messages",
    "Could you stop sending promotional emails to this address?",
    "i dont want any more texts from you",
    "I'm tired of your ads, take me off the list",
    "Please stop all marketing communications",
    "I do not wish to receive any further communications",
    "Please remove my email address from your database",
    "stop texting this number",
    "no more spam",
    "quit sending me these messages",
    "cease sending me advertisements",
    "stop with the promotional texts",
    "Stop it with the ads",
    "I would like to opt out of your marketing emails",
    "please opt me out",
    "I'd like to stop receiving promotions",
    "I didn't sign up for this, stop texting me",
    "enough with the emails",
    "turn off promotional notifications",
    "don't ever text me again",
    "Never contact me again",
    "Stop bothering me with your offers",
    "too many emails! unsubscribe me please",
    "不要给我发营销短信",
    "以后别发了，广告太多了",
    "不要再推送了",
    "请停止发送广告",
    "请停止给我发短信",
    "不想看到你们的广告",
    "别再给我推销了",
    "把我删除出群发名单",
    "我要退订短信",
    "帮我取消短信订阅",
    "请不要再打扰我了",
    "我不需要你们的广告",
    "可以不要再发优惠短信了吗",
    "你们的广告短信太多了，请不要再发",
    "以后不要发促销信息",
    "別再寄廣告信給我",
    "請停止寄送促銷郵件",
    "請把我從名單移除",
    "我不想收廣告",
    "不要再傳訊息給我了",
    "我想取消訂閱你們的電子報",
    "以後唔好再發訊息俾我",
    "如何取消接收推广短信",
    "怎么才能不收到你们的广告",
    "别老发广告短信烦我",
]

ABOUT_SOMETHING_ELSE = [
    "how do I stop the parcel",
    "cancel my order",
    "cancel my order 1234",
    "stop by your shop",
    "end of the month",
    "unsubscribe doesn't work in my app?",  # their own app: nothing that we send
    "don't stop",
    "please don't stop sending me offers",
    "never stop sending me these emails",
    "why did you stop sending me your newsletter",
    "did I unsubscribe by accident?",
    "to unsubscribe reply STOP",
    "can you stop the delivery",
    "don't send me the wrong tea again",
    "stop sending me broken cups",
    "stop sending me so many emails",  # fewer, not none
    "don't contact me by phone, text me instead",
    "don't email me, call me at noon",
    "I don't want any more emails, I want my money back",
    "I don't want a voucher, I want my money",
    "the kettle doesn't stop boiling",
    "I can't stop drinking your tea",
    "they keep sending me the wrong messages",
    "you're not sending me anything",
    "the tracking messages stopped",
    "remove the gift box from my order",
    "I do not want to receive the parcel at the office",
    "I don't want updates on a different tea",
    "Your newsletter says 20% off.\nUnsubscribe | View in browser | Privacy\nIs that valid for the gaiwan too?",
    "help",
    "cancel",
    "end",
    "T",
    "start",
    "yes",
    "不要再发错货了",
    "停止使用后还是漏水",
    "订单取消了吗",
    "你们不再发优惠了吗",
    "别停止给我发优惠",
    "回复TD退订",
    "拒收请回复R",
    "不要发顺丰",
    "不要给我发破的茶壶",
    "不要再发货了",
    "这次发的又是坏的，不要再给我发了",  # the cup, not the offers
    "退订单",
    "退订金什么时候到",
    "我要拒收这个包裹",
    "不用发短信了，我看到了",
    "不用给我发短信了，我自己看物流",
    "快递到了不要打扰，放门口",
    "不要给我发优惠券，我要退款",
    "我没有收到短信",
    "验证码短信收不到",
    "別發錯了",
    "請不要發到公司地址",
    "我不要了",
    "不想要了",
    "取消",
    "取消活动的话定金退吗",
    "把我的地址从列表里改一下",
    "為什麼不發優惠了",
    "please don't send the texts to my old number, use the new one",
    "I can't stop thinking about this tea",
    "how to stop tea from going bitter",
    "I don't want the newsletter discount code, just the tea",
    "Don't message my wife about the gift, it's a surprise",
    "don't text me before 9am",
    "please don't email me the invoice, print it",
    "stop the order please",
    "please stop the shipment",
    "stop payment",
    "Please stop this right away.",
    "stop sending the package to the old address",
    "please don't send me the red one",
    "I don't want to get the wrong tea",
    "please remove me from the order and put my wife",
    "take the teapot off my order",
    "no more tea",
    "I never want to see a broken pot again",
    "I have not received any messages from you",
    "you did not text me",
    "can I opt out of gift wrapping",
    "cancel my subscription to the monthly tea box",
    "how do i end the chat",
    "when will the discount end?",
    "any more updates on my order? no more updates since Monday",
    "请不要发短信到这个号码，换一个号",
    "发货了给我发短信",
    "不要优惠，只要退款",
    "别忘了给我发优惠券",
    "广告说包邮，结果不包",
    "不要给我发消息通知发货吗",
    "不要再拖了",
    "不要再找借口了",
    "别给我打电话，发短信就行",
    "不用联系我",
    "停止配送",
    "请停止处理我的订单",
    "取消会员",
    "取消订阅会员服务怎么退款",
    "关闭账号",
    "把我的名字从订单里删掉",
    "拒收了怎么退款",
    "不要再推荐红茶了",
    "为什么不给我发优惠信息",
    "你们不给我发活动通知",
    "不要把短信验证码给别人",
    "退订房间",
    "我不需要优惠",
    "不要礼盒包装",
    "不需要發票",
    "我不要這個優惠，我要退款",
    "能不能不要发邮政",
]


@pytest.mark.parametrize("text", WITHDRAWN)
@pytest.mark.parametrize("whole_message", [False, True])
def test_a_withdrawal_in_plain_words_counts_on_every_channel(text: str, whole_message: bool) -> None:
    assert read(text, whole_message=whole_message) is OptOut.WITHDRAW


@pytest.mark.parametrize("text", ABOUT_SOMETHING_ELSE)
def test_the_same_words_about_something_else_are_no_withdrawal(text: str) -> None:
    assert read(text, whole_message=False) is OptOut.NONE


@pytest.mark.parametrize(
    "text",
    [
        *("STOP", "stop.", " Stop \n", "STOP!", '"STOP"', "s.t.o.p", "S T O P", "STOP STOP STOP", "Stop, thank you"),
        *("stop 🙏", "Please, STOP"),
        *("STOP ALL", "STOPALL", "UNSUBSCRIBE", "END", "QUIT", "REVOKE", "OPTOUT", "opt out", "OPT-OUT"),
        *("CANCEL", "REMOVE"),
        *("ＳＴＯＰ", "S\u200bTOP", "stop\ufe0f", "STOP\x00"),
        *("退订", "退訂", "T", "t", "TD", "ＴＤ", "TD退订", "td 退订", "R 退订", "R", "取消订阅", "取消訂閱"),
        *("不要再发了", "回复TD"),
        *("ARRET", "ARRÊT", "BAJA", "STOPP", "СТОП", "İPTAL", "iptal", "ABMELDEN", "ALTO", "SAIR",),
        *("ยกเลิก", "수신거부", "הסר"),
        *("إلغاء", "配信停止", "HỦY", "Désinscription"),
    ],
)  # fmt: skip
def test_a_keyword_that_is_the_whole_message_withdraws_on_sms(text: str) -> None:
    assert read(text, whole_message=True) is OptOut.WITHDRAW


@pytest.mark.parametrize(
    "text", ["stop", "Unsubscribe", "opt out", "退订", "退訂", "TD", "取消订阅", "arrêt", "BAJA", "Стоп"]
)
def test_words_that_mean_nothing_else_withdraw_on_every_channel(text: str) -> None:
    assert read(text, whole_message=False) is OptOut.WITHDRAW


@pytest.mark.parametrize(
    "text", ["cancel", "END", "quit", "remove", "T", "R", "取消", "停止", "结束", "help", "start", "stop it"]
)
def test_everyday_words_are_keywords_only_on_sms(text: str) -> None:
    assert read(text, whole_message=False) is OptOut.NONE
    assert read(text, whole_message=True) is not OptOut.NONE


@pytest.mark.parametrize("text", ["HELP", "info", "Help!", "AYUDA", "aide", "帮助", "幫助", "ヘルプ", "help please"])
def test_help_is_asked_for_by_keyword_on_sms(text: str) -> None:
    assert read(text, whole_message=True) is OptOut.HELP


@pytest.mark.parametrize("text", ["START", "unstop", "Subscribe", "订阅", "重新订阅", "恢復訂閱"])
def test_a_keyword_grants_on_sms(text: str) -> None:
    assert read(text, whole_message=True) is OptOut.GRANT


@pytest.mark.parametrize(
    "text",
    [
        "subscribe me to your newsletter",
        "I'd like to receive your offers",
        "please sign me up for your newsletter",
        "start sending me your offers again",
        "put me back on your mailing list",
        "我要订阅优惠信息",
        "请恢复给我发优惠信息",
        "請幫我訂閱電子報",
    ],
)
def test_a_clear_wish_for_offers_grants(text: str) -> None:
    assert read(text, whole_message=False) is OptOut.GRANT


@pytest.mark.parametrize(
    "text",
    [
        "how do i subscribe to your newsletter",
        "do you have offers?",
        "I want to receive my order",
        "don't subscribe me to your newsletter",
        "订阅怎么收费",
        "我想收到货",
        "怎么还没收到优惠券",
        "YES",
        "yes please",
        "好",
    ],
)
def test_consent_is_never_guessed(text: str) -> None:
    assert read(text, whole_message=False) is OptOut.NONE
    assert read(text, whole_message=True) is OptOut.NONE


def test_a_withdrawal_wins_over_a_consent_in_the_same_message() -> None:
    text = "Please sign me up for your newsletter. And stop texting me."
    assert read(text, whole_message=False) is OptOut.WITHDRAW


def test_a_withdrawal_at_either_end_of_a_very_long_message_is_read() -> None:
    story = "The tea was good and my aunt liked it. " * 2000
    assert read(f"Please stop sending me offers. {story}", whole_message=False) is OptOut.WITHDRAW
    assert read(f"{story} Please stop sending me offers.", whole_message=False) is OptOut.WITHDRAW


@pytest.mark.parametrize(
    "text",
    [
        "stop ", "please ", "please stop sending me ", "i don't want ", "no more ", "unsubscribe me from ", "我要",
        "别再", "能不能",
        "不要再给我发广告", "别再给我发优惠优惠", "把我从名单", "退订", "don't ", "'", "a", "取消营销推广",
        "I want you to ",
    ],
)  # fmt: skip
@pytest.mark.parametrize("whole_message", [False, True])
def test_a_huge_message_costs_no_more_than_a_page(text: str, whole_message: bool) -> None:
    for huge in (text * (100_000 // len(text)), text * 39 + "x", f"{text * 30}。\n" * 50):
        start = time.perf_counter()
        read(huge, whole_message=whole_message)
        assert time.perf_counter() - start < 0.1  # about a millisecond, with much room for a busy machine


FRAGMENTS = st.sampled_from(
    [*WITHDRAWN, *ABOUT_SOMETHING_ELSE, "stop", "退订", "T", "please", "help", "。", " ", "\n", "\x00"]
)


@property_of(text=st.text(max_size=60) | st.lists(FRAGMENTS, max_size=5).map("".join))
def test_a_withdrawal_that_holds_on_every_channel_holds_on_sms(text: str) -> None:
    if read(text, whole_message=False) is OptOut.WITHDRAW:
        assert read(text, whole_message=True) is OptOut.WITHDRAW


@property_of(st.sampled_from(WITHDRAWN), st.sampled_from(["\u200b", "  ", "！", "\n", "😡", "\ufeff"]))
def test_what_surrounds_a_withdrawal_does_not_hide_it(text: str, noise: str) -> None:
    assert read(f"{noise}{text}{noise}", whole_message=False) is OptOut.WITHDRAW


def test_the_keywords_of_every_provider_and_of_the_law_act_on_sms(given: Callable[[str], Path]) -> None:
    lists = json.loads(given("rules/sms_optout/keywords.json").read_text("utf-8"))["providers"]
    asked_for = {
        "optout": OptOut.WITHDRAW,
        "optout_per_se": OptOut.WITHDRAW,
        "optin": OptOut.GRANT,
        "help": OptOut.HELP,
    }
    wrong = [
        (provider["source"], word, read(word, whole_message=True))
        for provider in lists
        for kind, expected in asked_for.items()
        for word in provider.get(kind, ())
        if read(word, whole_message=True) is not expected and word != "YES"  # YES answers whoever asked
    ]
    assert wrong == []


def test_the_checks_that_came_with_the_lists_hold(given: Callable[[str], Path]) -> None:
    checks = json.loads(given("rules/sms_optout/keywords.json").read_text("utf-8"))["suggested_checks"]
    names = {"optout": OptOut.WITHDRAW, "optin": OptOut.GRANT, "help": OptOut.HELP, "none": OptOut.NONE}
    wrong = [
        (text, expected)
        for text, expected in checks
        if read(text, whole_message=True) is not names[expected.split()[0]]
    ]
    assert checks
    assert wrong == []


def _rows(file: Path) -> Iterator[dict[str, str]]:
    csv.field_size_limit(10_000_000)
    content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    return csv.DictReader(io.StringIO(content.decode("utf-8"), newline=""))


def _ordinary_messages(given: Callable[[str], Path]) -> Iterator[str]:
    for path, column in (
        ("nlu/banking77/train.csv", "text"),
        ("nlu/bitext/bitext_dev40.csv", "utterance"),
        ("nlu/zh_smp2017_ecdt_task1/train.csv", "text"),
        ("crm/complaints/cfpb_narratives_dev30.csv", "Consumer complaint narrative"),
        ("crm/complaints/zh_online_shopping_dev10.csv.gz", "review"),
        ("crm/complaints/zh_waimai_dev30.csv.gz", "review"),
    ):
        yield from (row[column] for row in _rows(given(path)) if row.get("intent") != "newsletter_subscription")


def test_thousands_of_ordinary_messages_and_complaints_hold_no_withdrawal(given: Callable[[str], Path]) -> None:
    messages = list(_ordinary_messages(given))
    assert len(messages) > 15_000
    assert [text for text in messages if read(text, whole_message=False) is not OptOut.NONE] == []


def test_subscribers_who_want_out_of_a_newsletter_are_told_from_those_who_want_in(given: Callable[[str], Path]) -> None:
    rows = _rows(given("nlu/bitext/bitext_dev40.csv"))
    texts = [row["utterance"] for row in rows if row["intent"] == "newsletter_subscription"]
    wants_out = [text for text in texts if "cancel" in text or "unsub" in text]
    understood = [text for text in wants_out if read(text, whole_message=False) is OptOut.WITHDRAW]
    assert len(understood) / len(wants_out) > 0.75
    assert [text for text in wants_out if read(text, whole_message=False) is OptOut.GRANT] == []
    others = [text for text in texts if text not in wants_out]
    assert [text for text in others if read(text, whole_message=False) is OptOut.WITHDRAW] == []
