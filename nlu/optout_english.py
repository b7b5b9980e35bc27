"""Withdrawals and grants as English clauses: opening words, a core that says it, closing words, and nothing else.

Patterns read a clause of lower-case words, each followed by one blank. Their loops are possessive (what a loop can take
it keeps), so that reading costs no more than the clause is long.
"""

from __future__ import annotations

import re


def withdraws(clause: str, text: str, *, short: bool) -> bool:
    """The clause asks for no more of it. `text` is the whole message; `short`: it is not much more than the clause."""
    match = _WITHDRAWAL.match(clause)
    if match is None or (match.lastgroup == "bare" and not short) or _ANOTHER_WISH.search(text):
        return False
    things = match["things"] or match["more"] or match["listed"] or match["opted"] or match["noneof"]
    return things is None or _NAMED.search(things) is not None or _points_at_what_was_sent(clause, things)


def grants(clause: str) -> bool:
    """The clause asks for offers or the newsletter."""
    match = _GRANT.match(clause)
    return match is not None and _OFFERED.search(match["offered"]) is not None


def _points_at_what_was_sent(clause: str, things: str) -> bool:
    return "stop sending me" in clause and things in ("this ", "these ", "that ", "those ")


def _any_of(words: str) -> str:
    return f"(?:{'|'.join(word.strip() for word in words.split(','))})"


_UNSUBSCRIBE = _any_of(
    """unsubscribe, un-subscribe, unsub, unsuscribe, unsubcribe, unsubscibe, unsubscribbe, unsubscribing, opt out,
    opt-out, optout"""
)
_BEFORE_LEAVING = "(?= (?:cancel|unsub|opt|stop))"
_HELP = (
    "(?:i |would like |i'd like )?(?:need|want|would like|some)? ?"
    "(?:help|assistance)(?: (?:to|with|me to|me with|me|in))?"
)
_STRUGGLE = _any_of(
    """i cannot, i can't, i can not, i could not, i have got to, i have to, i try to, i am trying to, i'm trying to,
    i do not know how (?:to|i can), i don't know how (?:to|i can)"""
)
_OPENING_WORDS = _any_of(
    r"""hi, hello, hey, dear, yo, ok, okay, well, now, just, also, again, seriously, team, guys, sir, madam, there,
    folks,
    everyone, all, please, pls, plz, plse, kindly, thanks, thank you, sorry, no(?! (?:more|longer)), nope, yes, then,
    enough(?! (?:with|of)), wtf, omg, ffs, jesus, god, for god's sake, for the (?:last|third|second) time, once again,
    immediately, to whom it may concern, would you, could you, can you, will you, can u, could u, would you mind, you,
    u,
    you guys, you people, must, should, have to, need to, better, had better, i (?:said|repeat|told you),
    i (?:want|need|would like|wish|demand|request|asked?|told|said|beg|insist) (?:that )?(?:you|u|y'all)(?: guys)? to,
    i'd like you to, i(?:'m| am) (?:asking|telling|begging|requesting) you to, get (?:them|this shop|your shop) to,
    stop(?= (?:please|pls|it(?! with)|now|stop|do not|don't|dont|i|no)\b)(?: it)?,
    how (?:do|can|could|would|to|should)(?: (?:i|we|u|you))?, is there (?:a|any) way to, is it possible to,
    where (?:can|do|could) i, can i, could i, may i, let me, make (?:it|them|this), help me(?: to)?, tell me how to,
    what do i have to do to, i (?:want|would like|need|wish|like|have) to, i'd like to, i wanna,
    we (?:want|would like|wish) to"""
)
_OPENING = f"(?:(?:{_HELP}{_BEFORE_LEAVING}|{_STRUGGLE}{_BEFORE_LEAVING}|{_OPENING_WORDS}) )*+"

_THING = _any_of(
    """any, all, all of, these, those, this, that, the, your, ur, yours, such, more, stupid, annoying, damn, damned,
    fucking, bloody, unwanted, unsolicited, random, promotional, promotion, promo, marketing, advertising, sales, spam,
    spammy, junk, text, daily, weekly, constant, endless, silly, useless, sms, e-?mail, special, of, kinds?, sorts?,
    further, other, shop, store, company, corporate, newsletter, discount, whatsapp, commercial, bulk, mass, automated,
    or, nor, for, with, about, new, messages?, messaging, msgs?, texts, txts?, smses, e-?mails, mails?, mailings?,
    offers?, promos, promotions, ads?, adverts?, advertisements?, adverti[sz]ing, newsletters, coupons?, vouchers,
    deals?, discounts, notifications?, updates, alerts, stuff, crap, shit, bullshit, rubbish, garbage, things,
    catalogu?es?, flyers, brochures, campaigns, recommendations, solicitations, communications?, correspondence,
    contact,
    material, anything, nonsense"""
)
_THINGS = f"(?:{_THING} )++"
"""Words of what marketers send, and words around them; `_NAMED` says whether anything was named."""
_NAMED = re.compile(
    r"\b"
    + _any_of(
        """messages?, msgs?, texts?, txts?, sms(?:es)?, e-?mails?, mails?, mailings?, offers, promos?, promotions?,
        promotional, ads?, adverts?, advertisements?, adverti[sz]ing, newsletters?, spam, marketing, notifications?,
        alerts,
        stuff, crap, shit, bullshit, rubbish, garbage, junk, catalogu?es?, flyers, brochures, campaigns,
        recommendations,
        solicitations, communications?, lists?, updates, deals, coupons, nonsense"""
    )
    + r"\b"
)
_OFFERED = re.compile(
    r"\b(?:offers|promos?|promotions?|promotional|newsletters?|marketing|deals|adverti[sz]ing|ads|coupons"
    r"|mailing list)\b"
)
_MARKETING = _any_of(
    "promotional, promo, marketing, spam, text, sms, e-?mail, advertising, damn, stupid, annoying, weekly, daily"
)
_MAIL = _any_of(
    """messages, texts, e-?mails, ads, adverts, promos, promotions, newsletters?, spam, marketing, advertising, sms,
    mailings"""
)
_KINDS_OF_MAIL = f"(?:{_MARKETING} (?={_MARKETING} |{_MAIL} ))*+"
_WHOSE = (
    "(?:(?:all|any|of|your|ur|the|this|that|these|those|future|further|promotional|marketing|e-?mail|mailing|sms|text"
    "|company|corporate) )*+"
)
_SUBSCRIBED = _any_of(
    """messages, texts, e-?mails?, ads, promotions, newsletters?, spam, marketing, sms, mailings?, offers, lists?,
    notifications, communications, everything"""
)
_ADDRESS = _any_of("phone number, number, phone, cell, mobile, inbox, e-?mail address, e-?mail, address")
_ME = f"(?:me|us|my {_ADDRESS}|this {_ADDRESS}|our {_ADDRESS})"
_NOT = _any_of("do not, don't, dont, do n't, never ever, never, not")
_WRITING = _any_of(
    """texting, txting, e-?mailing, messaging, spamming, contacting, bothering, harassing, pestering, bombarding,
    annoying,
    mailing, disturbing, soliciting, writing to, texting or e-?mailing, contacting or texting"""
)
_WRITE = _any_of(
    "text, txt, e-?mail, message, msg, sms, contact, spam, mail, bother, solicit, text or e-?mail, e-?mail or text"
)
_WRITTEN_TO = _any_of("contacted, texted, e-?mailed, messaged, bothered, spammed")
_TIMES = r"(?:(?:twice|before|weeks ago|months ago|(?:many|several|three|multiple|\d) times) )*+"
_LIST = (
    "(?:(?:mailing|marketing|e-?mail|sms|text|texting|distribution|subscribers?|subscription|call|phone|promo|promotional"
    "|contact|spam|broadcast|newsletter|messaging|damn|stupid|fucking|stinking) )*+"
    "(?:lists?|mailings?|mailinglist|newsletter|database|distribution|e-?mails|texts|messages) "
)
_CLOSING = (
    "(?:"
    + _any_of(
        f"""any ?more, again, ever, never, at all, please, pls, plz, thanks, thank you, thx, ty, now, immediately,
        right now, right away, today, already, asap, as soon as possible, at once, effective immediately, first,
        from (?:now on|today|you|your (?:company|shop|store|side|list|brand)|you (?:guys|people)),
        (?:to|on|at) (?:this|my) {_ADDRESS}, in (?:the )?future, every ?(?:day|week|hour|single day|few days), ok,
        okay,
        will you, would you, could you, ffs, for good, forever, altogether, completely, entirely, permanently, here,
        to me,
        to us, guys, people, dude, wtf, sir, madam, i beg you"""
    )
    + " )*+$"
)

_CORES = {
    "stop": (
        r"(?:stop|quit|cease|enough) (?:it (?=with))?(?:"
        rf"(?:sending|pushing|giving|forwarding) (?:(?:to )?{_ME} )?(?:out )?"
        rf"|(?:receiving|getting|seeing) |with |of |(?:spamming|bothering|bombarding) {_ME} with |)"
        f"(?P<things>{_THINGS})"
    ),
    "stopwriting": f"(?:stop|quit|cease) {_WRITING} {_ME} ",
    "donotsend": f"{_NOT} (?:ever )?(?:send|give|forward) {_ME} (?P<more>{_THINGS})",
    "donotwrite": f"{_NOT} (?:ever )?{_WRITE} {_ME} ",
    "donotwant": (
        "(?:i|we) (?:really |also |just )?(?:do not|don't|dont|no longer|never) "
        "(?:really )?(?:want|wish|need|care|wanna) (?:"
        f"to (?:ever )?(?:hear from|be {_WRITTEN_TO} by) (?:you|you guys) "
        f"|to be {_WRITTEN_TO} "
        f"|(?:to (?:ever )?)?(?:receive|get|see|have|be sent|getting|receiving|receive or get) {_THINGS}"
        r"(?<!\bupdates )(?<!\bthese )(?<!\bthis )(?<!\bthat )(?<!\bstuff )"
        f"|(?:these|this|your|any more|anymore|more|the) {_KINDS_OF_MAIL}(?:{_MAIL}|offers any ?more) )"
    ),
    "uninterested": (
        "(?:i'm|i am|we're|we are)? ?(?:not|no longer) interested in (?:receiving |getting )?"
        f"(?:your|these|any|any more) {_KINDS_OF_MAIL}{_MAIL} "
    ),
    "nomore": (
        f"no more (?!updates |coupons |deals |alerts |notifications |stuff |of th(?:is|at) )(?P<noneof>{_THINGS})"
    ),
    "turnoff": (
        "(?:turn|switch) off (?:(?:all|the|your|my|these) )*+(?:promotional|promo|marketing|advertising|newsletter) "
        "(?:(?:notifications|messages|texts|e-?mails|sms|alerts|ads) )?"
    ),
    "unsubscribe": (
        f"{_UNSUBSCRIBE} (?:{_ME} (?:(?:from|of|off|to) (?P<listed>{_THINGS}(?:lists? )?"
        "|(?:your|the|this|any|all) (?:mailing |marketing )?lists? ))?"
        f"|(?:from|of|to) {_WHOSE}{_SUBSCRIBED} )"
    ),
    "cancel": (
        "(?:cancel|cancell?ing|end|ending) (?:(?:my|the|your|ur|this|company|corporate) )*+(?:"
        "(?:newsletter|e-?mail|sms|text|marketing|mailing) (?:list )?subscriptions? "
        "|subscriptions? (?:to|of|for) (?:(?:your|ur|the|this|company|corporate) )*+"
        "(?:newsletter|e-?mails|marketing|mailing list|offers|texts) )"
    ),
    "unsubscribed": (
        "(?:i (?:want|would like|wish|need|asked) to be|i'd like to be|have me|get me|i thought i (?:was|had)"
        "|i(?:'ve| have)?(?: already)?) (?:tried to unsubscribe|unsubscribed|opted out) "
        f"{_TIMES}(?:from {_WHOSE}{_SUBSCRIBED} )?{_TIMES}"
    ),
    "broken": (
        "(?:the|your)? ?unsubscribe (?:link|button|function|page) (?:does not|doesn't|doesnt|is not|isn't|never|won't) "
        "(?:work|working|works) "
        f"|i (?:can't|cannot|cant|can not) (?:unsubscribe|opt out) (?:from {_WHOSE}{_SUBSCRIBED} )?"
    ),
    "list": (
        "(?:(?:i (?:want|would like|wish|need) to be|i'd like to be) (?:removed|taken|deleted)"
        f"|(?:take|remove|delete|drop|get|strike|exclude) "
        f"(?:{_ME}|my name|my (?:contact )?details|my contact|my contact info))"
        f" (?:off of|off|from|out of|of) (?:all of |all )?(?:your|the|this|these|ur|any)? ?{_LIST}"
    ),
    "revoke": (
        "(?:i|we) (?:hereby )?(?:revoke|withdraw|retract|cancel) (?:my|our|any|all) (?:consent|permission|opt-?in) "
        "(?:(?:to|for) (?:(?:receive|receiving|be contacted by|contact|get|your|any|the|you sending me|all|direct"
        "|promotional|electronic) )*+(?:(?:messages|texts?|e-?mails?|marketing|advertising|sms|mailings|promotions"
        "|offers|newsletters?|communications?|me|messaging) )++)?"
    ),
    "optmeout": f"opt {_ME} out (?:(?:of|from) (?P<opted>{_THINGS}))?",
    # Alone, it may be the link under a quoted newsletter: see `short`.
    "bare": f"{_UNSUBSCRIBE} ",
}
_WITHDRAWAL = re.compile(f"{_OPENING}(?:{'|'.join(f'(?P<{name}>{core})' for name, core in _CORES.items())}){_CLOSING}")

_ANOTHER_WISH = re.compile(
    r"\b(?:instead|rather than|until|unless|verification|password|passcode|otp"
    "|(?:call|phone|ring|text|e-?mail|message|whatsapp|contact) me (?:by|on|at|via|when|as|if|once|only|through)"
    "|just (?:call|phone|text|e-?mail|message)"
    r"|(?:i|we) (?:just |only |really )?(?:want|need) (?:my|an answer|a refund|a person|a human|the refund))\b"
)
"""Then it is about how or when we write, or about an answer that is owed, and a person had better read it."""

_GRANT_OPENING = _any_of(
    """hi, hello, hey, ok, okay, yes, please, pls, plz, kindly, also, now, would you, could you, can you, i'd like to,
    i (?:want|would like|wish|need|have) to, i wanna, wanna, (?:i )?(?:need |want )?help(?: me)?(?: to)?"""
)
_GRANT = re.compile(
    f"(?:{_GRANT_OPENING} )*+"
    "(?:(?:re)?subscribe (?:me )?(?:again )?to|(?:sign|put|add) me (?:up |back |again |on )*+(?:for|to|on)?"
    "|(?:sign up|opt (?:back )?in) (?:again )?(?:for|to)|start sending me|(?<=to )receive) ?"
    f"(?P<offered>(?:mailing list |{_THING} )++(?:list )?){_CLOSING}"
)
