"""Whether a message withdraws from what we send unasked, grants it, or asks for help with it.

Two readings. Keywords: the whole message is one of the words that carriers, providers and the law name. Sentences: what
a reasonable person reads as a withdrawal, in Chinese and English. A sentence counts only where a clause is understood
from its first word to its last, so that "how do I stop the parcel" and 不要再发错货了 stay what they are.

Sources: 47 CFR 64.1200(a)(10) (the words stop, quit, end, revoke, opt out, cancel and unsubscribe, and any wording that a
reasonable person would understand); the opt-out lists of Twilio, AWS, Telnyx, Braze and Sent; CTIA's Messaging
Principles; in China T, TD, R and 退订 as printed under commercial texts (通信短信息服务管理规定, article 20).
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum

MOST_CHARACTERS = 1500
"""Longer texts are read at both ends."""
_LONGEST_KEYWORD = 36
_LONGEST_CLAUSE = 160
_SHORT_TEXT = 60
"""In a longer text a lone "unsubscribe" may be the link under a quoted newsletter."""


class OptOut(StrEnum):
    """What a message says about receiving what nobody asked for."""

    WITHDRAW = "withdraw"  # no more of it
    GRANT = "grant"  # send it (again)
    HELP = "help"  # who are you, and how do I stop this?
    NONE = "none"  # it is about something else


def read(text: str, *, whole_message: bool) -> OptOut:
    """Read one message.

    `whole_message`: the channel's carriers act on keywords that are the whole message, as on SMS: then CANCEL, END, T or
    HELP mean what the lists say. Elsewhere those are ordinary words (cancel may cancel a form, help asks for a person),
    and only words that mean nothing else count: stop, unsubscribe, 退订. YES is never read here: it is an answer to
    whoever asked.
    """
    folded = _folded(text)
    if len(folded) <= _LONGEST_KEYWORD and (said := _of_keyword(folded, whole_message)) is not None:
        return said
    for hint in _HINTS:
        if hint in folded:
            return _of_sentences(folded)
    return OptOut.NONE


def _folded(text: str) -> str:
    """Width, case, invisible characters, curly apostrophes and the script of Chinese say nothing about consent."""
    if len(text) > MOST_CHARACTERS:
        text = f"{text[:1000]}\n{text[-500:]}"
    if text.isascii():
        return text.lower()
    if not text.isprintable():
        text = _INVISIBLE.sub("", text)
    return unicodedata.normalize("NFKC", text).lower().translate(_SIMPLIFIED)


_INVISIBLE = re.compile(r"[\u0000\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_SIMPLIFIED = str.maketrans(
    "亂來係個們傢傳優內別刪劃動務單嗎嚮報夠將對幫廣強彆彔後從復懇摺擾攪曏東業樣機權沒準滾為無煩營現產發碼種箇簡結絕絡"
    "給經緊總繫繼續纔聯與萬處號衕裡複規親訂訊託許話該說請謝讓貨貴資趕轟辦迴這過郵釦銷錄錯錶閉開閱闆關隨電韆頻願類餵馬"
    "騷髮麵麼齣哋嘅啲畀俾"
    "\u2019",
    "乱来系个们家传优内别删划动务单吗向报够将对帮广强别录后从复恳折扰搅向东业样机权没准滚为无烦营现产发码种个简结绝络"
    "给经紧总系继续才联与万处号同里复规亲订讯托许话该说请谢让货贵资赶轰办回这过邮扣销录错表闭开阅板关随电千频愿类喂马"
    "骚发面么出们的些给给"
    "'",
)
"""The traditional and Cantonese forms of the characters below."""


def _of_keyword(folded: str, whole_message: bool) -> OptOut | None:
    word = folded if folded.isascii() or _HAN.search(folded) else _without_accents(folded)
    word = _NOT_LETTERS.sub(" ", word).strip()
    said = _named(word, whole_message)
    return said if said is not None or " " not in word else _named(_without_politeness(word), whole_message)


def _named(word: str, whole_message: bool) -> OptOut | None:
    return _EVERYWHERE.get(word) or (_WHOLE_MESSAGE.get(word) if whole_message else None)


_NOT_LETTERS = re.compile(r"(?:(?!')[\W_])+")


def _without_accents(word: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFKD", word) if unicodedata.category(char) != "Mn")


def _without_politeness(word: str) -> str:
    """`stop stop please` is `stop`, `s t o p` is `stop`, `td 退订` is `td退订`."""
    parts = [part for part in dict.fromkeys(word.split()) if part not in _POLITE]
    if all(len(part) == 1 for part in parts):
        return word.replace(" ", "")
    return ("" if any(part >= "\u3400" for part in parts) else " ").join(parts)


_POLITE = frozenset(
    "please pls plz thanks thank you thx ty now ok okay hi hello sir madam 请 谢谢 麻烦 您好 你好".split()
)  # noqa: SIM905


def _lists(**lists: str) -> dict[str, OptOut]:
    """Keywords parted by commas, folded as messages are."""
    return {
        _without_accents(_folded(word.strip())): OptOut[name.upper()]
        for name, words in lists.items()
        for word in words.split(",")
    }


_EVERYWHERE = _lists(
    withdraw=(
        "stop, stop all, stopall, unsubscribe, unsubscribe me, unsubscribe all, un subscribe, unsub, unsuscribe,"
        "unsubcribe, unsubscibe, unsubscirbe, unsubscripe, opt out, optout, opt me out, revoke,"
        "td, td退订, t退订, 退订, 退訂, 退定短信, 我要退订, 我想退订, 请退订, 帮我退订, 怎么退订, 如何退订, 取消订阅, 取消訂閱, 退阅,"
        "不要再发了, 别再发了, 不要再给我发了, 别再给我发了, 不要再发, 别再发,"
        "arrêt, arrêter, stopp, désabonner, désabonnement, me désabonner, désinscrire, désinscription, baja, darme de baja,"
        "dar de baja, date de baja, desuscribir, desuscribirme, cancelar suscripción, abmelden, abbestellen, austragen,"
        "descadastrar, descadastre, disiscrivi, disiscrivimi, afmelden, uitschrijven, afmeld, avmeld, avregistrera,"
        "avprenumerera, lopeta, wypisz, wypisz mnie, odhlásit, leiratkozás, dezabonare, dezabonează, стоп, отписаться,"
        "отпиши, отпишите, отписка, відписатися, стоп смс, berhenti langganan, 配信停止, 配信解除, 수신거부, 수신 거부, 구독취소"
    ),
    grant="unstop, subscribe, resubscribe, opt in, optin, 订阅, 恢复订阅, 重新订阅, 取消退订",
)
_WHOLE_MESSAGE = _lists(
    withdraw=(
        "end, quit, cancel, remove, remove me, take me off, stop it, stop this, stop that, leave me alone, fuck off,"
        "lose my number, reply stop, text stop, cancel all, end all, quit all, no more, t, tt, r, r退订, 退订t, 退订td, 退订r,"
        "回t退订, 回td退订, 回复t退订, 回复td退订, 回r退订, 回t, 回td, 回复t, 回复td, 回复退订, 退, 停, 停止, 停止发送, 取消, 结束, 拒收,"
        "拒绝, 别发了, 不要发了, 勿发, 勿扰, 请勿打扰, 请勿骚扰, 不要打扰, 别打扰, 别烦我, 别再烦我, 不需要, 滚,"
        "alto, parar, para ya, cancelar, sair, remover, cancella, annulla, avsluta, peru, peruuta, koniec, anuluj, iptal,"
        "dur, ret, red, huy, hủy, dừng, dung, từ chối, tu choi, batal, berhenti, ยกเลิก, 停止して, 解除, 거부, 중지, 취소, إلغاء, الغاء,"
        "توقف, ايقاف, إيقاف, הסר, הסרה, отмена, отказ, скасувати, διαγραφή, रोकें, बंद"
    ),
    grant="start, begin, start all, 开始, 开通, alta, iniciar",
    help=(
        "help, info, help me, aide, ayuda, hilfe, ajuda, aiuto, hulp, hjälp, hjelp, hjælp, apua, pomoc, помощь, допомога,"
        "yardım, bantuan, trợ giúp, ช่วยเหลือ, ヘルプ, 도움말, مساعدة, עזרה, βοήθεια, मदद, 帮助, 幫助, 说明"
    ),
)

_HINTS = (
    "stop", "quit ", "cease", "remove m", "take me", "delete me", "enough ", "turn off", "disable", "unsub", "unsus", "opt out", "opt-out", "optout", "opt me", "opt in", "n't", "dont ", "not ", "never ", "no more",
    "no longer", "list", "subscri", "consent", "permission", "sign me", "sign up", "退订", "订阅", "别", "不要", "不用", "不想", "不再", "不需要",
    "不愿", "不希望", "勿", "不许", "不准", "唔", "停", "拒", "禁止", "名单", "列表", "清单", "通讯录", "推送", "推播", "撤", "同意", "授权",
    "receive", "start sending", "接收", "广告", "关闭", "关掉", "屏蔽", "发优惠",
)  # fmt: skip
"""Without one of these there is no sentence to read. They let most messages go after two microseconds."""


def _of_sentences(folded: str) -> OptOut:
    """The first clause that says something; a withdrawal anywhere wins over a consent."""
    said = OptOut.NONE
    chinese = _HAN.search(folded) is not None
    clauses = (_CHINESE_CLAUSES if chinese else _CLAUSES).split(folded)
    alone = len([clause for clause in clauses if clause.strip()]) == 1
    short = len(folded) <= _SHORT_TEXT
    for clause in clauses:
        if not 4 <= len(clause) <= _LONGEST_CLAUSE:
            continue
        of_clause = _of_chinese(clause, folded, alone) if chinese else OptOut.NONE
        if of_clause is OptOut.NONE and clause[0] < "\u3400":
            of_clause = _of_english(clause, folded, short)
        if of_clause is OptOut.WITHDRAW:
            return of_clause
        if of_clause is not OptOut.NONE:
            said = of_clause
    return said


_HAN = re.compile(r"[\u3400-\u9fff]")
_CLAUSES = re.compile(
    r"[.!?;:,\n()\"\u201c\u201d\u2026\u2014\u2013<>*\u2600-\u27bf\U0001f000-\U0001faff]+|\s-\s|\b(?:but|and|so|because|cos|cuz|since)\b"
)
_CHINESE_CLAUSES = re.compile(
    r"[。！？；，、：.!?;:,\n()\"\u201c\u201d\u300c\u300d\u2026~<>*\u2600-\u27bf\U0001f000-\U0001faff]+|但是|而且|因为|所以"
)


def _of_english(clause: str, folded: str, short: bool) -> OptOut:
    clause = " ".join(clause.split()) + " "
    if match := _ENGLISH_WITHDRAWAL.match(clause):
        said = match.lastgroup
        if said == "bare" and not short:
            return OptOut.NONE
        things = match["things"] or match["more_things"] or match["listed"] or match["opted"] or match["none_of"]
        pointed_at = "stop sending me" in clause and things in ("this ", "these ", "that ", "those ")
        if things is not None and not pointed_at and not _NAMED_THING.search(things):
            return OptOut.NONE
        return OptOut.NONE if _ANOTHER_WISH.search(folded) else OptOut.WITHDRAW
    if (match := _ENGLISH_GRANT.match(clause)) and _OFFERED_THING.search(match["things"]):
        return OptOut.GRANT
    return OptOut.NONE


# A clause reads `opening* core closing*`, each word followed by one blank. Loops are possessive: what a loop can take it
# keeps, so that reading costs no more than the clause is long.

_OPENING = r"""(?:(?:
    hi|hello|hey|dear|yo|ok|okay|well|now|just|also|again|seriously|team|guys|sir|madam|there|folks|everyone|all|please|pls|plz
    |plse|kindly|thanks|thank\ you|sorry|no(?!\ (?:more|longer))|nope|yes|enough(?!\ (?:with|of))|wtf|omg|ffs|jesus|god|for\ god's\ sake|for\ the\ (?:last|third|second)\ time
    |once\ again|would\ you|could\ you|can\ you|will\ you|can\ u|could\ u|would\ you\ mind|you|u|you\ guys|you\ people
    |i\ (?:want|need|would\ like|wish|demand|request|ask|asked|told|said|beg|insist)\ (?:that\ )?(?:you|u|y'all)\ (?:to|guys\ to)
    |i'd\ like\ you\ to|i\ (?:said|repeat|told\ you)|(?:must|should|have\ to|need\ to|better|had\ better)|immediately|then|to\ whom\ it\ may\ concern
    |i\ am\ (?:asking|telling|begging|requesting)\ you\ to|i'm\ (?:asking|telling|begging)\ you\ to
    |(?:i\ |would\ like\ |i'd\ like\ )?(?:need|want|would\ like|some)?\ ?(?:help|assistance)(?:\ (?:to|with|me\ to|me\ with|me|in))?(?=\ (?:cancel|unsub|opt|stop))
    |i\ (?:cannot|can't|can\ not|could\ not|have\ got\ to|have\ to|try\ to|am\ trying\ to|do\ not\ know\ how\ (?:to|i\ can)|don't\ know\ how\ (?:to|i\ can))(?=\ (?:cancel|unsub|opt))
    |i'm\ trying\ to(?=\ (?:cancel|unsub|opt|stop))|where\ (?:do|could)\ i|is\ it\ possible\ to
    |stop(?=\ (?:please|pls|it(?!\ with)|now|stop|do\ not|don't|dont|i|no)\b)(?:\ it)?|how\ (?:do|can|could|would|to|should)(?:\ (?:i|we|u|you))?|i\ (?:want|would\ like|need|wish|like|have)\ to|i'd\ like\ to|i\ wanna
    |we\ (?:want|would\ like|wish)\ to|is\ there\ (?:a|any)\ way\ to|help\ me(?:\ to)?|where\ can\ i|can\ i|could\ i|may\ i|let\ me|make\ (?:it|them|this)
    |what\ do\ i\ have\ to\ do\ to|tell\ me\ how\ to|get\ (?:them|this\ shop|your\ shop)\ to
)\ )*+"""
_WORDS_OF_THINGS = r"""(?:(?:
    any|all|all\ of|these|those|this|that|the|your|ur|yours|such|more|stupid|annoying|damn|damned|fucking|bloody|unwanted|unsolicited|random
    |promotional|promotion|promo|marketing|advertising|sales|spam|spammy|junk|text|daily|weekly|constant|endless|silly|useless|sms|e-?mail
    |special|of|kinds?|sorts?|further|other|shop|store|newsletter|discount|whatsapp|commercial|bulk|mass|automated|or|nor|for|with|about|new
    |messages?|messaging|msgs?|texts|txts?|smses|e-?mails|mails?|mailings?|offers?|promos|promotions|ads?|adverts?|advertisements?|adverti[sz]ing
    |newsletters|coupons?|vouchers|deals?|discounts|notifications?|updates|alerts|stuff|crap|shit|bullshit|rubbish|garbage|things
    |company|corporate|catalogu?es?|flyers|brochures|campaigns|recommendations|solicitations|communications?|correspondence|contact|material|anything|nonsense
)\ )++"""
_NAMED_THING = re.compile(
    r"\b(?:messages?|msgs?|texts?|txts?|sms(?:es)?|e-?mails?|mails?|mailings?|offers|promos?|promotions?|promotional|ads?"
    r"|adverts?|advertisements?|adverti[sz]ing|newsletters?|spam|marketing|notifications?|alerts|stuff|crap|shit|bullshit"
    r"|rubbish|garbage|junk|catalogu?es?|flyers|brochures|campaigns|recommendations|solicitations|communications?"
    r"|lists?|updates|deals|coupons|nonsense)\b"
)
_OFFERED_THING = re.compile(
    r"\b(?:offers|promos?|promotions?|promotional|newsletters?|marketing|deals|adverti[sz]ing|ads|coupons|mailing list)\b"
)
_ME = r"""(?:me|us|my\ (?:phone\ number|phone|cell|mobile|number|inbox|e-?mail\ address|e-?mail|address)
    |this\ (?:phone\ number|number|phone|e-?mail\ address|e-?mail|address)|our\ (?:inbox|phone|number|e-?mail))"""
_CLOSING = r"""(?:(?:
    any\ ?more|again|ever|never|at\ all|please|pls|plz|thanks|thank\ you|thx|ty|now|immediately|right\ now|right\ away|today|already|asap
    |at\ once|from\ (?:now\ on|today|you|your\ (?:company|shop|store|side|list|brand)|you\ (?:guys|people))|to\ (?:this|my)\ (?:phone\ number|number|phone|e-?mail\ address|e-?mail|address|inbox|cell|mobile)
    |(?:on|at)\ (?:this|my)\ (?:phone\ number|number|phone|cell|mobile|e-?mail\ address|e-?mail|address)|in\ (?:the\ )?future|every\ ?(?:day|week|hour|single\ day|few\ days)|ok|okay
    |will\ you|would\ you|could\ you|ffs|for\ good|forever|altogether|completely|entirely|here|to\ me|to\ us|permanently|guys|people|dude
    |anymore|effective\ immediately|as\ soon\ as\ possible|wtf|sir|madam|i\ beg\ you|first
)\ )*+$"""
_NOT = r"(?:do\ not|don't|dont|do\ n't|never\ ever|never|not)"
_UNSUBSCRIBE = r"(?:unsubscribe|un-subscribe|unsub|unsuscribe|unsubcribe|unsubscibe|unsubscribbe|unsubscribing|opt\ out|opt-out|optout)"

_ENGLISH_WITHDRAWAL = re.compile(
    rf"""{_OPENING}(?:
    (?P<stop>(?:stop|quit|cease|enough)\ (?:it\ (?=with))?(?:
        (?:sending|pushing|giving|forwarding)\ (?:(?:to\ )?{_ME}\ )?(?:out\ )?
        |(?:receiving|getting|seeing)\ |with\ |of\ |spamming\ {_ME}\ with\ |bothering\ {_ME}\ with\ |bombarding\ {_ME}\ with\ |)
        (?P<things>{_WORDS_OF_THINGS}))
    |(?P<stop_me>(?:stop|quit|cease)\ (?:texting|txting|e-?mailing|messaging|spamming|contacting|bothering|harassing|pestering|bombarding|annoying
        |mailing|disturbing|soliciting|writing\ to|texting\ or\ e-?mailing|contacting\ or\ texting)\ {_ME}\ )
    |(?P<do_not>(?:{_NOT})\ (?:ever\ )?(?:send|give|forward)\ {_ME}\ (?P<more_things>{_WORDS_OF_THINGS}))
    |(?P<do_not_text>(?:{_NOT})\ (?:ever\ )?(?:text|txt|e-?mail|message|msg|sms|contact|spam|mail|bother|solicit|text\ or\ e-?mail|e-?mail\ or\ text)\ {_ME}\ )
    |(?P<want>(?:i|we)\ (?:really\ |also\ |just\ )?(?:do\ not|don't|dont|no\ longer|never)\ (?:really\ )?(?:want|wish|need|care|wanna)\ (?:
        to\ (?:ever\ )?(?:hear\ from|be\ (?:contacted|texted|e-?mailed|messaged|bothered|spammed)\ by)\ (?:you|you\ guys)\ 
        |to\ be\ (?:contacted|texted|e-?mailed|messaged|bothered|spammed)\ 
        |(?:to\ (?:ever\ )?)?(?:receive|get|see|have|be\ sent|getting|receiving|receive\ or\ get)\ (?:{_WORDS_OF_THINGS})(?<!\bupdates\ )(?<!\bthese\ )(?<!\bthis\ )(?<!\bthat\ )(?<!\bstuff\ )
        |(?:these|this|your|any\ more|anymore|more|the)\ (?:(?:annoying|stupid|damn|promotional|promo|marketing|spam|text|sms|e-?mail|advertising|weekly|daily)\ )*+
            (?:messages|texts|e-?mails|ads|adverts|promos|promotions|newsletters?|spam|marketing|advertising|sms|offers\ any\ ?more)\ ))
    |(?P<uninterested>(?:i'm|i\ am|we're|we\ are)?\ ?(?:not|no\ longer)\ interested\ in\ (?:receiving\ |getting\ )?(?:your|these|any|any\ more)\ 
        (?:(?:promotional|promo|marketing|spam|text|sms|e-?mail|advertising)\ )*+(?:messages|texts|e-?mails|ads|adverts|promos|promotions|newsletters?|spam|marketing|advertising|sms|mailings)\ )
    |(?P<no_more>no\ more\ (?!updates\ |coupons\ |deals\ |alerts\ |notifications\ |stuff\ |of\ th(?:is|at)\ )(?P<none_of>{_WORDS_OF_THINGS}))
    |(?P<turn_off>(?:turn|switch)\ off\ (?:(?:all|the|your|my|these)\ )*+(?:promotional|promo|marketing|advertising|newsletter)\ (?:(?:notifications|messages|texts|e-?mails|sms|alerts|ads)\ )?)
    |(?P<unsubscribe>{_UNSUBSCRIBE}\ (?:(?:{_ME}\ )(?:(?:from|of|off|to)\ (?P<listed>{_WORDS_OF_THINGS}(?:lists?\ )?|(?:your|the|this|any|all)\ (?:mailing\ |marketing\ )?lists?\ ))?
        |(?:from|of|to)\ (?:(?:all|any|of|your|ur|the|this|that|these|those|future|further|promotional|marketing|e-?mail|mailing|sms|text|company|corporate)\ )*+(?:messages|texts|e-?mails?|ads|promotions|newsletters?|spam|marketing|sms|mailings?|offers|lists?|notifications|communications|everything|list\ serve)\ ))
    |(?P<cancel>(?:cancel|cancell?ing|end|ending)\ (?:(?:my|the|your|ur|this|company|corporate)\ )*+(?:
        (?:(?:newsletter|e-?mail|sms|text|marketing|mailing)\ )(?:list\ )?subscriptions?\ 
        |subscriptions?\ (?:to|of|for)\ (?:(?:your|ur|the|this|company|corporate)\ )*+(?:newsletter|e-?mails|marketing|mailing\ list|offers|texts)\ ))
    |(?P<unsubscribed>(?:i\ (?:want|would\ like|wish|need|asked)\ to\ be|i'd\ like\ to\ be|have\ me|get\ me|i\ thought\ i\ (?:was|had)|i've|i\ have|i|i've\ already|i\ have\ already|i\ already)\ (?:tried\ to\ unsubscribe|unsubscribed|opted\ out)\ (?:(?:twice|(?:many|several|three|multiple|\d)\ times)\ )?(?:from\ (?:your|these|this|the|all)\ (?:(?:mailing|marketing|promotional|e-?mail|sms|text)\ )*+(?:messages|texts|e-?mails?|newsletters?|lists?|mailings?|offers)\ )?(?:(?:twice|before|weeks\ ago|months\ ago|(?:many|several|three|multiple|\d)\ times)\ )*+)
    |(?P<broken>(?:the|your)?\ ?unsubscribe\ (?:link|button|function|page)\ (?:does\ not|doesn't|doesnt|is\ not|isn't|never|won't)\ (?:work|working|works)\ |i\ (?:can't|cannot|cant|can\ not)\ (?:unsubscribe|opt\ out)\ (?:from\ (?:your|these|the|this)\ (?:messages|texts|e-?mails?|newsletters?|lists?|mailings?|offers)\ )?)
    |(?P<list>(?:(?:i\ (?:want|would\ like|wish|need)\ to\ be|i'd\ like\ to\ be)\ (?:removed|taken|deleted)|(?:take|remove|delete|drop|get|strike|exclude)\ (?:{_ME}|my\ name|my\ (?:contact\ )?details|my\ contact|my\ contact\ info))\ (?:off\ of|off|from|out\ of|of)\ (?:all\ of\ |all\ )?(?:your|the|this|these|ur|any)?\ ?
        (?:(?:mailing|marketing|e-?mail|sms|text|texting|distribution|subscriber|subscribers|subscription|call|phone|promo|promotional|contact|spam|broadcast|newsletter|messaging|damn|stupid|fucking|stinking)\ )*+(?:lists?|mailings?|mailinglist|newsletter|database|distribution|e-?mails|texts|messages)\ )
    |(?P<revoke>(?:i|we)\ (?:hereby\ )?(?:revoke|withdraw|retract|cancel)\ (?:my|our|any|all)\ (?:consent|permission|opt-?in)\ (?:(?:to|for)\ (?:(?:receive|receiving|be\ contacted\ by|contact|get|your|any|the|you\ sending\ me|all|direct|promotional|electronic)\ )*+(?:(?:messages|texts|text|e-?mails?|marketing|advertising|sms|mailings|promotions|offers|newsletters?|communications?|me|messaging)\ )++)?)
    |(?P<opt_me_out>opt\ {_ME}\ out\ (?:(?:of|from)\ (?P<opted>{_WORDS_OF_THINGS}))?)
    |(?P<bare>{_UNSUBSCRIBE}\ )
    ){_CLOSING}""",
    re.VERBOSE,
)

_ANOTHER_WISH = re.compile(
    r"\b(?:instead|rather than|(?:call|phone|ring|text|e-?mail|message|whatsapp|contact) me (?:by|on|at|via|when|as|if|once|only|through)"
    r"|just (?:call|phone|text|e-?mail|message)|(?:i|we) (?:just |only |really )?(?:want|need) (?:my|an answer|a refund|a person|a human|the refund)"
    r"|until|unless|verification|password|passcode|otp)\b"
)
"""Then it is about how or when we write, or about an answer that is owed, and a person had better read it."""

_ENGLISH_GRANT = re.compile(
    rf"""(?:(?:hi|hello|hey|ok|okay|yes|please|pls|plz|kindly|also|now|would\ you|could\ you|can\ you|i'd\ like\ to|i\ (?:want|would\ like|wish|need|have)\ to|i\ wanna|wanna|(?:i\ )?(?:need\ |want\ )?help(?:\ me)?(?:\ to)?)\ )*+
    (?:(?:re)?subscribe\ (?:me\ )?(?:again\ )?to|(?:sign|put|add)\ me\ (?:up\ |back\ |again\ |on\ )*+(?:for|to|on)?|(?:sign\ up|opt\ (?:back\ )?in)\ (?:again\ )?(?:for|to)|start\ sending\ me|(?<=to\ )receive)\ ?
    (?P<things>(?:mailing\ list\ |{_WORDS_OF_THINGS[:-2]})++(?:list\ )?){_CLOSING}""",
    re.VERBOSE,
)


def _of_chinese(clause: str, folded: str, alone: bool) -> OptOut:
    clause = "".join(clause.split())
    if match := _CHINESE_WITHDRAWAL.match(clause):
        return OptOut.WITHDRAW if _is_plain(match, folded, alone) else OptOut.NONE
    if (match := _CHINESE_GRANT.match(clause)) and _PROMOTION.search(match["offered"]):
        return OptOut.GRANT
    return OptOut.NONE


def _is_plain(match: re.Match[str], folded: str, alone: bool) -> bool:
    """不要发短信了 may decline a service and 不要再给我发了 a parcel: what is meant must stand in the clause, or be all there is."""
    clause = match.string
    if clause[-1] in "吗么" and not _POLITE_QUESTION.search(clause):
        return False
    match match.lastgroup:
        case "send" | "topic" | "get":
            promotion = _PROMOTION.search(clause)
            if _SOFT.search(clause):
                return promotion is not None
            return promotion is not None or ("我" in clause or "再" in clause) and _MESSAGE.search(clause) is not None
        case "off":
            return _PROMOTION.search(clause) is not None or _MESSAGE.search(clause) is not None
        case "refuse":
            return _SENT_PROMOTION.search(clause) is not None
        case "send_alone":
            return _PROMOTION.search(folded) is not None or alone and "我" in clause
        case "off_alone":
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
_POLITE_QUESTION = re.compile("可以|能|可否|好吗|行吗")
_SOFT = re.compile("不用|不必|无需|不需要|唔使")

_ZH_OPENING = """(?:
    你好|您好|喂|hi|hello|亲|客服|老板|商家|店家|麻烦|拜托|请求|请|求求|求|恳请|能不能|能否|可不可以|可以|可否|希望|强烈要求|要求|我要求|我希望
    |我说了|我已经说了|我都说了|帮我|帮忙|你们|您们|你|您|贵司|贵公司|贵店|以后|今后|往后|从今天起|从今以后|从现在起|从现在开始|现在|马上|立即|立刻|赶紧|赶快|都|也|就|真的|千万
    |再次|警告|那|然后|谢谢|好了|够了|烦死了|太烦了|烦不烦|啊|呀|我想要|我要(?!不)|我想(?!再)|我们|本人|我|想(?!再)|怎么才能|如何才能|怎样才能|怎么样?才?能?(?=取消|退|关|停|把|让)|如何才?能?|怎样才?能?|在?哪里?可?以?(?=取消|退|关)|怎么(?=取消|退|关|停)|让
)*+"""
_ZH_NOT = (
    "(?:别|不要|不用|不必|不需要|无需|请勿|勿|不许|不准|不得|不想|不愿意|不愿|不希望|停止|禁止|拒绝|唔好|唔想|唔使|甭)"
)
_ZH_ADVERBS = "(?:再次|再|继续|老是|老|总是|总|一直|天天|每天|整天|成天|随便|乱|到处|频繁地?|不停地?|经常|又)*+"
_ZH_MINE = "(?:我们|我的?(?:手机号码?|手机|号码|邮箱|电邮|电话|微信)|我|本人|这个?(?:手机号?|号码|号|邮箱|电话))"
_ZH_TO = f"(?:(?:给|向|往|对|跟|同){_ZH_MINE}上?)?"
_ZH_SEND = "(?:发送|群发|狂发|推送|推播|传送|寄送|发|推|传|寄|send)(?:过来|来|些|一些)?"
_ZH_WORDS_OF_THINGS = """(?:
    任何|这些|那些|这种|那种|这类|此类|这样的?|什么|你们的?|您的|贵司的?|贵店的?|垃圾|营销|行销|推广|推销|促销|优惠券|优惠|折扣|打折|活动|广告|商业|宣传|产品|新品|各种|各类|所有|一切|全部|其他|无聊|没用|骚扰(?=短信|信息|消息|广告)|的|些|啥|这|那|和|或|与
    |短信|简讯|短讯|讯息|信息|消息|邮件|电邮|电子报|推送|推播|通知|资讯|传单|信件|信(?=$|给)|微信|sms|email|newsletter|订阅|类
)"""
_ZH_CLOSING = "(?:了|啦|吧|好吗|好不好|行吗|行不行|可以吗|可不可以|谢谢你们?|谢谢您|谢谢|多谢|啊|呀|哦|喔|嘛|吗|拜托|一下|thanks|thx|ok|哈)*+$"
_ZH_TAKE_OFF = "(?:去掉|去除|删掉|删除|删了|删|移除|移出去?|剔除|拿掉|除名|划掉|踢出去?|踢掉|移走|拉黑)"
_ZH_LIST = """(?:你们|您们|贵司|贵公司|的|这个|那个|营销|行销|群发|发送|推广|推销|短信|简讯|邮件|邮寄|订阅|通讯|广告|推送|促销)*+(?:名单|列表|清单|通讯录)"""

_CHINESE_WITHDRAWAL = re.compile(
    rf"""{_ZH_OPENING}(?:
    (?P<send>{_ZH_NOT}{_ZH_ADVERBS}{_ZH_TO}{_ZH_ADVERBS}(?:{_ZH_SEND}(?:给{_ZH_MINE})?)(?:{_ZH_WORDS_OF_THINGS})++(?:(?:给|到){_ZH_MINE}里?|过来|来|烦{_ZH_MINE})?)
    |(?P<promote>{_ZH_NOT}{_ZH_ADVERBS}{_ZH_TO}{_ZH_ADVERBS}(?:推销|营销|打广告|发广告|做广告|推广)(?:产品|东西|给{_ZH_MINE})?)
    |(?P<send_alone>(?:别|不要|请勿|勿|唔好|停止){_ZH_ADVERBS}{_ZH_TO}{_ZH_ADVERBS}{_ZH_SEND}(?:给{_ZH_MINE})?)
    |(?P<topic>(?:{_ZH_WORDS_OF_THINGS})++(?:以后|请|就|都|也|能不能|可以|真的|麻烦|拜托)*+(?:别|不要|请勿|勿|唔好|不用){_ZH_ADVERBS}{_ZH_TO}{_ZH_ADVERBS}{_ZH_SEND}(?:给{_ZH_MINE})?)
    |(?P<get>(?:(?<=能)不|取消(?=接收)|不想|不要|不愿意|不愿|不希望|拒绝|不再|不需要|唔想|停止)(?:再|继续)*+(?:收到|接收到?|接到|看到|收取|收|接受|订阅|看)(?:{_ZH_WORDS_OF_THINGS})++)
    |(?P<refuse>(?:拒收|拒绝|屏蔽|不需要|不要)(?:再)?(?:{_ZH_WORDS_OF_THINGS})++(?:电话)?)
    |(?P<bother>(?:别|不要|请勿|勿|不许|不准|停止|拒绝|唔好)(?:再|继续|老是|总是|天天|一直|来)*+(?:用)?(?:{_ZH_WORDS_OF_THINGS})*+(?:打扰|骚扰|打搅|轰炸|滋扰){_ZH_MINE})
    |(?P<contact>(?:别|不要|请勿|勿|唔好|不许|不准)再(?:继续|主动)*+(?:(?:跟|和|与|给){_ZH_MINE}联系|联系{_ZH_MINE}|联络{_ZH_MINE}))
    |(?P<list>(?:把|将)(?:{_ZH_MINE}|我的?(?:名字|联系方式|联络方式|电话号码))(?:从{_ZH_LIST}(?:里面|里|中|内|上)?(?:给|中)?{_ZH_TAKE_OFF}|(?:移出|踢出|剔出|删除出|剔除出|删出|移除出){_ZH_LIST}))
    |(?P<list_first>从{_ZH_LIST}(?:里面|里|中|内|上)?(?:把|将)?(?:{_ZH_MINE})?(?:给)?{_ZH_TAKE_OFF}(?:{_ZH_MINE})?)
    |(?P<off>(?:申请|办理)?(?:退订|取消订阅|停止订阅|退阅|解除订阅|不再订阅)(?:掉|了|一下)?(?:全部|本|该|这个|{_ZH_WORDS_OF_THINGS})++)
    |(?P<subscription>取消(?:你们的?|我的?|营销|促销|短信|邮件|推送|电子报|广告|信息|消息|的)++订阅)
    |(?P<off_alone>(?:申请|办理)?(?:退订|取消订阅)(?:掉|全部|所有)?)
    |(?P<close>(?:关闭|关掉|取消|屏蔽|停掉|停用|停止)(?:掉)?(?:你们的?|您的|所有的?|全部|这些|这种|一切|给我的?)*+(?:(?:营销|行销|促销|广告|推广|优惠|活动|推销|消息|短信)(?:类|性)?的?)*+(?:推送|推播|广告|(?<=[销告广惠动])(?:短信|简讯|讯息|信息|消息|邮件|通知)))
    |(?P<revoke>(?:撤回|撤销|收回|取消)(?:我)?(?:之前|此前|以前|先前)?(?:的)?(?:对.{{0,8}}的)?(?:营销|行销|广告|推广|短信|邮件|推送|接收(?:营销|广告|短信|信息|推送)++)(?:短信|信息|邮件|推送)?的?(?:同意|授权|许可))
    ){_ZH_CLOSING}""",
    re.VERBOSE,
)

_CHINESE_GRANT = re.compile(
    rf"""(?:你好|您好|请|麻烦|帮我|我想要?|我要|我愿意|我同意|我们|我|想要?|愿意|同意|可以|好的|是的|重新|恢复|继续|再)*+
    (?:订阅|接收|收到|给我发送?|发送?给我|推送给我|给我推送)(?P<offered>(?:{_ZH_WORDS_OF_THINGS})++){_ZH_CLOSING}""",
    re.VERBOSE,
)
