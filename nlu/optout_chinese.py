"""Withdrawals and grants as Chinese clauses: opening words, a core that says it, closing words, and nothing else.

Patterns read a clause in simplified characters without blanks. Their loops are possessive (what a loop can take it
keeps), so that reading costs no more than the clause is long.
"""

from __future__ import annotations

import re


def withdraws(clause: str, text: str, *, alone: bool) -> bool:
    """The clause asks for no more of it. `text` is the whole message; `alone`: the clause is all of it."""
    match = _WITHDRAWAL.match(clause)
    return match is not None and _is_plain(match, text, alone)


def grants(clause: str) -> bool:
    """The clause asks for offers or the newsletter."""
    match = _GRANT.match(clause)
    return match is not None and _PROMOTION.search(match["offered"]) is not None


def _is_plain(match: re.Match[str], text: str, alone: bool) -> bool:
    """不用发短信了 may decline a service, 不要再给我发了 a parcel: what is meant is said, or nothing else is."""
    clause = match.string
    if clause[-1] in "吗么" and not _POLITE_QUESTION.search(clause):
        return False
    promotion = _PROMOTION.search(clause) is not None
    message = _MESSAGE.search(clause) is not None
    match match.lastgroup:
        case "send" | "topic" | "get":
            unasked = ("我" in clause or "再" in clause) and not _DECLINES.search(clause)
            return promotion or (message and unasked)
        case "unsubscribe":
            return promotion or message
        case "refuse":
            return _SENT_PROMOTION.search(clause) is not None
        case "sendnothing":
            return _PROMOTION.search(text) is not None or (alone and "我" in clause)
        case "bare":
            return alone
        case "bother":
            return "再" in clause or "骚扰" in clause or "轰炸" in clause
        case _:
            return True


_PROMOTION = re.compile(
    "广告|推销|促销|营销|行销|推广|推送|推播|垃圾|宣传|电子报|优惠(?!券)|newsletter|活动(?:短信|信息|消息|讯息|邮件|通知)"
)
_MESSAGE = re.compile("短信|简讯|短讯|讯息|信息|消息|邮件|电邮|通知|sms|email|微信")
_SENT_PROMOTION = re.compile(
    "广告|推销|营销|行销|推送|推播|垃圾(?:短信|信息|消息|邮件)"
    "|(?:优惠|促销|推广|活动|宣传|商业)[类性的]*(?:短信|简讯|短讯|讯息|信息|消息|邮件|电邮|通知|电话)"
)
"""不需要优惠 declines an offer that was made; 不需要优惠短信 declines being sent them."""
_POLITE_QUESTION = re.compile("可以|能|可否|好吗|行吗")
_DECLINES = re.compile("不用|不必|无需|不需要|唔使")


def _any_of(words: str) -> str:
    return f"(?:{'|'.join(words.split())})"


_LEAVING = "(?=取消|退|关|停|把|让)"
_OPENING_WORDS = _any_of(
    f"""你好 您好 喂 hi hello 亲 客服 老板 商家 店家 麻烦 拜托 请求 请 求求 求 恳请 能不能 能否 可不可以 可以 可否
    希望 强烈要求
    要求 我要求 我希望 我说了 我已经说了 我都说了 帮我 帮忙 你们 您们 你 您 贵司 贵公司 贵店 以后 今后 往后 从今天起
    从今以后 从现在起
    从现在开始 现在 马上 立即 立刻 赶紧 赶快 都 也 就 真的 千万 再次 警告 那 然后 谢谢 好了 够了 烦死了 太烦了 烦不烦
    啊 呀 我想要
    我要(?!不) 我想(?!再) 我们 本人 我 想(?!再) 怎么才能 如何才能 怎样才能 怎么样?才?能?{_LEAVING} 如何才?能?
    怎样才?能?
    在?哪里?可?以?{_LEAVING} 让"""
)
_OPENING = f"{_OPENING_WORDS}*+"
_NOT = _any_of(
    "别 不要 不用 不必 不需要 无需 请勿 勿 不许 不准 不得 不想 不愿意 不愿 不希望 停止 禁止 拒绝 唔好 唔想 唔使 甭"
)
_DO_NOT = _any_of("别 不要 请勿 勿 唔好 停止 不许 不准")
_ADVERBS = (
    _any_of("再次 再 继续 老是 老 总是 总 一直 天天 每天 整天 成天 随便 乱 到处 频繁地? 不停地? 经常 又 来") + "*+"
)
_ME = "(?:我们|我的?(?:手机号码?|手机|号码|邮箱|电邮|电话|微信)|我|本人|这个?(?:手机号?|号码|号|邮箱|电话))"
_TO_ME = f"(?:(?:给|向|往|对|跟|同){_ME}上?)?"
_SEND = "(?:发送|群发|狂发|推送|推播|传送|寄送|发|推|传|寄|send)(?:过来|来|些|一些)?"
_THINGS = (
    _any_of(
        """任何 这些 那些 这种 那种 这类 此类 这样的? 什么 你们的? 您的 贵司的? 贵店的? 垃圾 营销 行销 推广 推销 促销
        优惠券 优惠 折扣
        打折 活动 广告 商业 宣传 产品 新品 各种 各类 所有 一切 全部 其他 无聊 没用 骚扰(?=短信|信息|消息|广告) 的 些
        啥 这 那 和 或 与
        短信 简讯 短讯 讯息 信息 消息 邮件 电邮 电子报 推送 推播 通知 资讯 传单 信件 信(?=$|给) 微信 sms email
        newsletter 订阅 类"""
    )
    + "++"
)
"""Words of what marketers send, and words around them; `_is_plain` says whether anything was named."""
_LIST = (
    "(?:你们|您们|贵司|贵公司|的|这个|那个|营销|行销|群发|发送|推广|推销|短信|简讯|邮件|邮寄|订阅|通讯|广告|推送|促销)*+"
    "(?:名单|列表|清单|通讯录)"
)
_TAKE_OFF = _any_of("去掉 去除 删掉 删除 删了 删 移除 移出去? 剔除 拿掉 除名 划掉 踢出去? 踢掉 移走 拉黑")
_CLOSING = (
    _any_of(
        """了 啦 吧 好吗 好不好 行吗 行不行 可以吗 可不可以 谢谢你们? 谢谢您 谢谢 多谢 啊 呀 哦 喔 嘛 吗 拜托 一下
        thanks thx ok 哈"""
    )
    + "*+$"
)

_CORES = {
    "send": (f"{_NOT}{_ADVERBS}{_TO_ME}{_ADVERBS}{_SEND}(?:给{_ME})?{_THINGS}(?:(?:给|到){_ME}里?|过来|来|烦{_ME})?"),
    "promote": f"{_NOT}{_ADVERBS}{_TO_ME}{_ADVERBS}(?:推销|营销|打广告|发广告|做广告|推广)(?:产品|东西|给{_ME})?",
    "sendnothing": f"{_DO_NOT}{_ADVERBS}{_TO_ME}{_ADVERBS}{_SEND}(?:给{_ME})?",
    "topic": (
        f"{_THINGS}(?:以后|请|就|都|也|能不能|可以|真的|麻烦|拜托)*+(?:{_DO_NOT}|不用)"
        f"{_ADVERBS}{_TO_ME}{_ADVERBS}{_SEND}(?:给{_ME})?"
    ),
    "get": (
        "(?:(?<=能)不|取消(?=接收)|不想|不要|不愿意|不愿|不希望|拒绝|不再|不需要|唔想|停止)(?:再|继续)*+"
        f"(?:收到|接收到?|接到|看到|收取|收|接受|订阅|看){_THINGS}"
    ),
    "refuse": f"(?:拒收|拒绝|屏蔽|不需要|不要)再?{_THINGS}(?:电话)?",
    "bother": f"(?:{_DO_NOT}|拒绝){_ADVERBS}用?(?:{_THINGS})?(?:打扰|骚扰|打搅|轰炸|滋扰){_ME}",
    "contact": f"{_DO_NOT}再(?:继续|主动)*+(?:(?:跟|和|与|给){_ME}联系|联系{_ME}|联络{_ME})",
    "list": (
        f"(?:把|将)(?:{_ME}|我的?(?:名字|联系方式|联络方式|电话号码))(?:从{_LIST}(?:里面|里|中|内|上)?(?:给|中)?{_TAKE_OFF}"
        f"|(?:移出|踢出|剔出|删除出|剔除出|删出|移除出){_LIST})"
    ),
    "listfirst": f"从{_LIST}(?:里面|里|中|内|上)?(?:把|将)?(?:{_ME})?给?{_TAKE_OFF}(?:{_ME})?",
    "unsubscribe": (
        f"(?:申请|办理)?(?:退订|取消订阅|停止订阅|退阅|解除订阅|不再订阅)(?:掉|了|一下)?(?:全部|本|该|这个)?{_THINGS}"
    ),
    "subscription": "取消(?:你们的?|我的?|营销|促销|短信|邮件|推送|电子报|广告|信息|消息|的)++订阅",
    "close": (
        "(?:关闭|关掉|取消|屏蔽|停掉|停用|停止)掉?(?:你们的?|您的|所有的?|全部|这些|这种|一切|给我的?)*+"
        "(?:(?:营销|行销|促销|广告|推广|优惠|活动|推销|消息|短信)[类性]?的?)*+"
        "(?:推送|推播|广告|(?<=[销告广惠动])(?:短信|简讯|讯息|信息|消息|邮件|通知))"
    ),
    "revoke": (
        "(?:撤回|撤销|收回|取消)我?(?:之前|此前|以前|先前)?的?(?:对.{0,8}的)?"
        "(?:营销|行销|广告|推广|短信|邮件|推送|接收(?:营销|广告|短信|信息|推送)++)(?:短信|信息|邮件|推送)?的?(?:同意|授权|许可)"
    ),
    "bare": "(?:申请|办理)?(?:退订|取消订阅)(?:掉|全部|所有)?",
}
_WITHDRAWAL = re.compile(f"{_OPENING}(?:{'|'.join(f'(?P<{name}>{core})' for name, core in _CORES.items())}){_CLOSING}")
_GRANT = re.compile(
    "(?:你好|您好|请|麻烦|帮我|我想要?|我要|我愿意|我同意|我们|我|想要?|愿意|同意|可以|好的|是的|重新|恢复|继续|再)*+"
    f"(?:订阅|接收|收到|给我发送?|发送?给我|推送给我|给我推送)(?P<offered>{_THINGS}){_CLOSING}"
)
