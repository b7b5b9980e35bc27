"""Causes: what complaints come from in the end, as a tree; the business's own from `causes.yml`, else the usual one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from bot.located import Place, Section, read_mapping
from bot.policy import ComplaintKind
from nlu.understanding import Language

FILE: Final = "causes.yml"
DEEPEST: Final = 4
_ID = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """One cause, or a category of them."""

    id: str
    """`delivery.courier.lost`: its own id after those of what it belongs to."""
    names: Mapping[Language, str]

    @property
    def parent(self) -> str | None:
        return self.id.rpartition(".")[0] or None

    @property
    def depth(self) -> int:
        """0 for a category."""
        return self.id.count(".")


Causes = Mapping[str, Cause]
"""By id; what belongs to a cause follows it."""


def category_of(cause: str) -> str:
    return cause.partition(".")[0]


def within(cause: str | None, wider: str) -> bool:
    """It is this cause, or one that belongs to it."""
    return cause is not None and (cause == wider or cause.startswith(f"{wider}."))


def read_causes(content: str, place: Place) -> Causes:
    """All mistakes are noted in `place`."""
    root = read_mapping(content, place)
    if root is None:
        return {}
    found = {cause.id: cause for cause in _read(root, "", 0)}
    missing = [kind.value for kind in ComplaintKind if kind.value not in found]
    if missing:
        root.note(f"{', '.join(missing)} should stand here, too: the assistant records complaints of this kind.")
    return found


def _read(section: Section, above: str, depth: int) -> Iterator[Cause]:
    for key, node, line in section.entries():
        section.seen.add(key)
        if _ID.fullmatch(key) is None:
            section.note(f"`{section.name(key)}` should have small letters, digits and _ only.", line)
            continue
        entry = section.as_section(node, key)
        if entry is None:
            continue
        identity = f"{above}.{key}" if above else key
        yield Cause(id=identity, names=entry.by_language("name"))
        below = entry.section("causes", required=False)
        if below is not None and depth + 1 >= DEEPEST:
            below.note(f"`{below.path}` is too deep: {DEEPEST} levels are enough.")
        elif below is not None:
            yield from _read(below, identity, depth + 1)
        entry.finish()


def _usual(table: str) -> Causes:
    causes: dict[str, Cause] = {}
    for line in table.strip().splitlines():
        identity, *names = (part.strip() for part in line.split("|"))
        by_language = dict(zip((Language.EN, Language.ZH_HANS, Language.ZH_HANT), names, strict=True))
        causes[identity] = Cause(id=identity, names=by_language)
    return causes


USUAL: Final[Causes] = _usual(
    """
    quality                  | Quality                        | 商品质量       | 商品品質
    quality.defect           | Faulty when it was made        | 生产缺陷       | 製造瑕疵
    quality.spoiled          | Spoiled or past its date       | 变质或过期     | 變質或過期
    quality.storage          | Stored wrongly by us           | 仓储不当       | 倉儲不當
    quality.misdescribed     | Not as described               | 与描述不符     | 與描述不符
    quality.use              | Used in another way than meant | 使用方式不当   | 使用方式不當
    delivery                 | Delivery                       | 物流配送       | 物流配送
    delivery.late_dispatch   | Dispatched late by us          | 我方发货延迟   | 我方出貨延遲
    delivery.courier_late    | Late with the carrier          | 承运商延误     | 貨運延誤
    delivery.courier_lost    | Lost by the carrier            | 承运商丢件     | 貨運遺失
    delivery.packaging       | Damaged for want of packing    | 包装不足致损   | 包裝不足致損
    delivery.courier_damage  | Damaged by the carrier         | 承运商损坏     | 貨運損壞
    delivery.address         | Wrong or incomplete address    | 地址有误       | 地址有誤
    wrong_item               | Wrong item                     | 发错货         | 出錯貨
    wrong_item.picking       | Picked wrongly                 | 拣货错误       | 揀貨錯誤
    wrong_item.label         | Labelled wrongly               | 标签错误       | 標籤錯誤
    wrong_item.ordered       | Ordered by mistake             | 客户下错单     | 客戶下錯單
    overcharge               | Money                          | 金额问题       | 金額問題
    overcharge.price         | Wrong price shown              | 标价错误       | 標價錯誤
    overcharge.discount      | Discount not applied           | 优惠未生效     | 優惠未生效
    overcharge.twice         | Charged twice                  | 重复扣款       | 重複扣款
    overcharge.refund_late   | Refund late                    | 退款延迟       | 退款延遲
    service                  | Service                        | 服务           | 服務
    service.slow             | Answered too late              | 回复太慢       | 回覆太慢
    service.rude             | Discourteous                   | 态度不好       | 態度不佳
    service.wrong_answer     | Wrong or contradictory answers | 答复错误或矛盾 | 答覆錯誤或矛盾
    service.promise_broken   | A promise was not kept         | 承诺未兑现     | 承諾未兌現
    service.assistant        | The assistant did not help     | 智能助手未解决 | 智慧助理未解決
    other                    | Something else                 | 其他           | 其他
    """
)
"""What most who sell things complain about."""
