"""Answers to a complaint's questions: for each fact, what can be one; what plainly is something else is none."""

from __future__ import annotations

import re
import unicodedata

from bot import why
from bot.complaints.facts import FEELINGS, HAN, KINDS, USED, keep_date, tells_what
from bot.heard import SOCIAL, Heard
from bot.memory import Complaint
from bot.talk import Talk, quote

_ABOUT_OURSELVES = SOCIAL | {"pause", "resume", "help", "bot_identity", "human_request", "spam"}
"""Said to the assistant, and no fact."""
_PLAINLY = 0.75
"""Confidence from which a word that sounds like a yes is taken for one, where any words can be the answer."""
_FEW_WORDS = 25
"""Characters: a longer text says more than a yes or a thank you."""
_A_NAME = 40
"""Characters: nothing that we sell has a longer name."""

_AN_ADDRESS = 80
"""Characters, with a word or two around it."""

_TIME = re.compile(
    r"刚|剛|[前后後昨今][天日晚年]|[一二三四五六七八九十几幾半两兩\d]\s*个?個?(?:天|日|周|週|星期|礼拜|禮拜|月|年|点|點|号|號)"
    r"|小时|小時|分[钟鐘]"
    r"|[上这這]个?個?(?:周|週|星期|礼拜|禮拜|月)|周[一二三四五六日]|週[一二三四五六日]|星期|[早中晚]上|上午|下午|凌晨|半夜"
    r"|时候|時候|之前|以前|春[节節]|中秋|国[庆慶]|端午|元旦|[过過]年|最近|那天|当天|當天|去年|今年|一直|很久|双十一|雙十一|618|20\d\d"
    r"|\b(?:ago|since|when|while|just now|recently|lately|earlier|right away|immediately|straight away|christmas|easter"
    r"|new year|birthday|in spring|summer|autumn|in winter|noon|midnight|last \w+|after|before|in (?:march|may)"
    r"|(?:mon|tues?|wednes|thurs?|fri|satur|sun)day|jan(?:uary)?|feb(?:ruary)?|april|june|july|aug(?:ust)?|sept(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?|\d{1,2}(?:st|nd|rd|th)|\d{1,2} ?(?:am|pm)|days?|weeks?|months?|years?"
    r"|hours?|mornings?|evenings?|nights?|afternoons?|first time)\b",
    re.IGNORECASE,
)
"""Words for a time, where no date was recognised."""
_REACHES = re.compile(r"(?:\d[ ().-]{0,2}){6}\d|@|微信|wechat|whatsapp|\bline\b|telegram|qq\b", re.IGNORECASE)
"""A way to reach somebody that is no phone number of ours or mail address: another country's, or a messenger's name."""
_HERE_ALONE = re.compile(
    r"(?:就|在|就在|用)?[这這][里裡裏儿兒边邊](?:吧|啊|就好|呀)?"
    r"|(?:just |right |only )?(?:here|this chat|chat)(?: please)?"
)
_UNKNOWN = re.compile(
    r"我?(?:真的?|也)?(?:不知道|不晓得|不曉得|不清楚|不太?[记記]得|不[确確]定|忘了|忘[记記]了?|[记記]不(?:得|清|住)"
    r"|[没沒]有?|无|無|找不到|[说說]不上|[没沒]留)"
    r"(?:了|[号號]|[别別其]的|其[他它]的?|[订訂][单單][号號]?|[订訂][单單][编編][号號]|[单單][号號])*"
    r"|(?:你[们們]|您)?(?:看着办|看著辦|决定|決定|[说說])(?:吧|就好)?"
    r"|[随隨]便(?:你[们們])?(?:吧)?|都行|都可以|[无無]所[谓謂]"
    r"|(?:sorry )?(?:i )?(?:really |honestly )?(?:do not|don t|dont|can t|cant|cannot) "
    r"(?:know|remember|recall|have|find)\b.{0,30}"
    r"|(?:sorry )?(?:i have )?no (?:idea|clue)|i m not sure|not sure|none|nothing|no|n a|i forgot|forgot|idk|dunno"
    r"|no (?:other |order )number|(?:that is|that s|it s) the only (?:one|number) (?:i have|i ve got)"
    r"|(?:i )?lost it|whatever|anything|up to you|you decide|don t care|i don t care"
)
_NO_NEED = re.compile(
    r"(?:不用|不必|不需要|免|[别別]|不)(?:[给給]你?[们們]?)?(?:再)?(?:留|[写寫]|[联聯][系絡繫]|麻[烦煩])?(?:[电電][话話]|[号號][码碼])?[了啦吧]?"
    r"(?: ?[谢謝]{2}.{0,2})?"
    r"|(?:there is |there s )?no need(?: thanks)?|not necessary|(?:i )?(?:would |d )?rather not"
)
_ASKS = re.compile(r"[?？]|[吗嗎呢]$")


def take_answer(talk: Talk, complaint: Complaint, field: str, heard: Heard, new: set[str]) -> bool:
    """The words as an answer to the question for `field`; False: they are none. `new`: what was found in them."""
    facts = complaint.facts
    if field in new:
        return True
    if not heard.text or field in {"order", "proof"}:
        return field == "order" and does_not_know(heard.text) and _leave_open(complaint, field)
    if field != "what" and (does_not_know(heard.text) or (field == "reach" and why.refuses(heard.text))):
        return _leave_open(complaint, field)
    if field in {"happened", "bought"} and (date := heard.entity("date")) is not None and not _is_about_other_day(new):
        facts.pop(field, None)
        keep_date(talk, facts, field, (date.text, date.value))
        return True
    if field == "reach" and _lets_it_be(talk, heard):
        facts["reach"] = "here"
        return True
    if not _can_be(talk, field, heard, new):
        return False
    here = field == "reach" and _HERE_ALONE.fullmatch(_plain(heard.text)) is not None
    facts[field] = "here" if here else quote(heard.text, 500)
    return True


def leaves_no_number(text: str) -> bool:
    """ "No need": said to the question how they can be reached it is about that, and does not give everything up."""
    return _NO_NEED.fullmatch(_plain(text)) is not None


def _lets_it_be(talk: Talk, heard: Heard) -> bool:
    """ "No thanks": they leave no number, and are here."""
    return len(heard.text) <= _FEW_WORDS and (talk.means("deny") or leaves_no_number(heard.text))


def does_not_know(text: str) -> bool:
    """ "No idea", "I don't have it", "up to you": an answer, and not the one we hoped for."""
    if len(text) > 60:
        return False
    return _UNKNOWN.fullmatch(_plain(text)) is not None


def says_nothing_else(heard: Heard) -> bool:
    """Besides the facts that were recognised in it there are hardly any words."""
    rest = _without_facts(heard)
    return len(HAN.findall(rest)) < 5 and len([word for word in rest.split() if word.isalpha()]) < 4


def adds_to_story(talk: Talk, complaint: Complaint, heard: Heard) -> bool:
    """Asked for something else, they go on telling: that is kept with what happened."""
    if not (_is_telling(talk, heard) and tells_what(heard.text)):
        return False
    told = complaint.facts.get("what")
    words = f"{told}; {heard.text}" if isinstance(told, str) else heard.text
    complaint.facts["what"] = quote(words, 1000)
    return True


def tells_day_again(talk: Talk, complaint: Complaint, heard: Heard) -> bool:
    """A day and hardly a word more, whatever was asked: it is when it happened, better than what we took for that."""
    date = heard.entity("date")
    if date is None or not says_nothing_else(heard):
        return False
    facts, told = complaint.facts, complaint.facts.pop("happened", None)
    keep_date(talk, facts, "happened", (date.text, date.value))
    if told is not None:
        facts.setdefault("bought", told)
    return True


def tells_time(text: str) -> bool:
    """A day, or words for a time."""
    return _TIME.search(text) is not None


def _leave_open(complaint: Complaint, field: str) -> bool:
    complaint.facts[field] = None
    return True


def _is_about_other_day(new: set[str]) -> bool:
    """The date was taken for the other of the two days, by the words around it."""
    return bool(new & {"happened", "bought"})


def _can_be(talk: Talk, field: str, heard: Heard, new: set[str]) -> bool:
    text = heard.text
    if field == "reach" and len(text) <= _AN_ADDRESS:
        return _REACHES.search(text) is not None or _HERE_ALONE.fullmatch(_plain(text)) is not None
    if _is_manners(talk, field, heard):
        return False
    match field:
        case "what":
            return tells_what(text) and (_is_telling(talk, heard) or not new)
        case "happened":
            return tells_time(text)
        case "bought":
            return tells_time(text) and not new & {"used", "wish", "reach"}
        case "product":
            return len(text) <= _A_NAME and _has_words(heard) and not new and _ASKS.search(text) is None
        case "used":
            return _has_words(heard) and not new and _ASKS.search(text) is None
        case "wish":
            if _REACHES.search(text) is not None:
                return False
            only_used = USED.search(text) is not None and len(text) <= _FEW_WORDS
            return _has_words(heard) and not only_used and not _is_telling(talk, heard) and not new - {"amount", "used"}
        case _:
            return False


def _is_manners(talk: Talk, field: str, heard: Heard) -> bool:
    """A plain yes, no or thank you; though "no" says enough about how something was used."""
    intent = heard.intent
    if intent is None or intent.name not in _ABOUT_OURSELVES or not talk.sure(intent.name):
        return False
    if field in {"happened", "bought"} and intent.name not in SOCIAL and tells_time(heard.text):
        return False
    if field in {"used", "wish"} and intent.confidence < _PLAINLY:
        return False
    return len(heard.text) <= _FEW_WORDS and not (field == "used" and intent.name == "deny")


def _is_telling(talk: Talk, heard: Heard) -> bool:
    return heard.confidence(*KINDS, *FEELINGS) >= talk.policy.confidence.sure


def _has_words(heard: Heard) -> bool:
    """More than numbers, marks and facts of another kind."""
    rest = _without_facts(heard)
    return len(HAN.findall(rest)) >= 2 or any(len(word) > 1 and word.isalpha() for word in re.findall(r"\w+", rest))


def _without_facts(heard: Heard) -> str:
    rest = heard.text
    for entity in heard.entities:
        rest = rest.replace(entity.text, " ")
    return rest


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join("".join(c if c.isalnum() else " " for c in folded).split())
