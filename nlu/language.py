"""Which of the house's languages a message is written in.

Characters decide, not words: kana, hangul and foreign alphabets are languages the house does not speak; Han
characters that only GB 2312 or only Big5 knows tell simplified from traditional; Latin words are English when
English's own small words say so. A few microseconds, no library.
"""

from __future__ import annotations

import re
import unicodedata

from nlu.understanding import Language

MOST_CHARACTERS = 300
"""The beginning of a text tells its language."""


def language_of(text: str) -> Language | None:
    """The language of a message; None where it says too little (`OK`, digits, emoji) or speaks another one."""
    return detect(text)[0]


def detect(text: str) -> tuple[Language | None, bool]:
    """The language, and whether it is Chinese that both scripts write alike (`你好`): zh-Hans is only a guess then."""
    text = text[:MOST_CHARACTERS]
    if text.isascii():
        return _of_latin(text), False
    if not text.isprintable():
        text = _INVISIBLE.sub(" ", text)
    text = unicodedata.normalize("NFKC", text)
    han = _HAN.findall(text)
    foreign = len(_FOREIGN.findall(text))
    if not han:
        return (None if foreign else _of_latin(text)), False
    if foreign > _LOAN * len(han):
        return None, False
    if len(han) * _HAN_IN_ENGLISH <= len(_LATIN_WORD.findall(text)):
        return _of_latin(text), False
    return _of_han(han)


_HAN_IN_ENGLISH = 4
"""An English sentence may name a product in Chinese: so many Latin words a Han character make it English."""
_LOAN = 0.2
"""A Chinese message may borrow a kana or a hangul (の, ㅋㅋ): up to this share of its Han characters."""

_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_LATIN_WORD = re.compile(r"[A-Za-z]+(?:['\u2019][A-Za-z]+)?")
_FOREIGN = re.compile(
    r"[\u0370-\u1fff\u3040-\u30fa\u30fd-\u30ff\u3131-\u318e\ua000-\uf8ff\ufb1d-\ufdfb\ufe70-\ufefc\uff66-\uff9d]"
)
_INVISIBLE = re.compile(r"[\u0000-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def _known(character: str, encoding: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


_FIRST, _LAST = "\u4e00", "\u9fa5"
"""The Han characters that the two national standards choose from."""
_BOTH, _SIMPLIFIED, _TRADITIONAL = range(3)


def _script(character: str) -> int:
    """Written in which of the two: GB 2312 is simplified, Big5 traditional; of characters that both know, _BOTH."""
    simplified, traditional = _known(character, "gb2312"), _known(character, "big5")
    # Cantonese is written in traditional characters, with some of its own.
    if character in "嘅咗喺嚟冇嘢啲乜咁佢哋嗰唔噉瞓揾攞":
        return _TRADITIONAL
    if character in "嘞哒喽":
        return _SIMPLIFIED
    if simplified == traditional or character in "妳哪":
        return _BOTH
    return _SIMPLIFIED if simplified else _TRADITIONAL


_SCRIPTS = bytes(ord(_FIRST)) + bytes(map(_script, map(chr, range(ord(_FIRST), ord(_LAST) + 1))))
"""By code point, a byte each: as two sets of strings they take 1.6 MB of a process."""


def _of_han(han: list[str]) -> tuple[Language, bool]:
    simplified = traditional = 0
    for character in han:
        script = _SCRIPTS[ord(character)] if character <= _LAST else _BOTH
        if script == _SIMPLIFIED:
            simplified += 1
        elif script == _TRADITIONAL:
            traditional += 1
    language = Language.ZH_HANT if traditional > simplified else Language.ZH_HANS
    return language, simplified == traditional


def _of_latin(text: str) -> Language | None:
    """English, where its own words outnumber those of its neighbours and are no rarity among the words."""
    words = _LATIN_WORD.findall(text.lower().replace("\u2019", "'"))
    english = sum(map(_ENGLISH.__contains__, words))
    if "'" in text or "\u2019" in text:
        short = (word for word in words if "'" in word and word not in _ENGLISH)
        english += sum(word.split("'")[1] in _CONTRACTED for word in short)
    if english * _RARE < len(words) or not english:
        return None
    return Language.EN if english > sum(map(_NOT_ENGLISH.__contains__, words)) else None


_RARE = 6
"""At least every sixth word is one of the words below: names, typos and numbers stand between them."""
_CONTRACTED = ("t", "s", "re", "ve", "ll", "d", "m")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words that another language writes alike (no, me, in, am, die, was, on, son, date) are left out of both lists.
_ENGLISH = _words(
    """
    the of and is are were be been being it its this that these those there here what which who whom whose when
    where why how my mine your yours you his her their our ours we they them he she i'm i do does did done doing
    don't have has had having can can't could would will won't should shall may might must not nothing never ever
    yet still already just only also too very much many more most some any every each other another than then so
    because but if with without from for by at about after before during until into onto over under again back out
    off up down to want wanted need needed like get got give gave make made take took taken tell told say said see
    know knew think thought look looking find found help please pls plz sorry thanks thank thx ty cheers hello hi
    hey hiya welcome goodbye good great nice bad better best wrong right broken damaged late lost missing fake yes
    yeah yep nope okay sure fine today tomorrow yesterday morning evening night week weeks month months day days
    hour hours year last next now soon order orders ordered parcel parcels package packages delivery deliver
    delivered shipping ship shipped refund refunds refunded return returns returned exchange replace replacement
    cancel change invoice receipt bill paid pay payment price cost costs cheap expensive discount coupon voucher
    stock available buy bought sell gift tea teapot cup leaves jasmine shop store online open opening close closed
    account password login email mail phone number address member points warranty guarantee broke break leaking
    leaks stop unsubscribe subscribe offers ads newsletter human person agent someone somebody anyone anybody people
    speak talk manager supervisor complain complaint complaints lawyer court sue police privacy delete remove data
    wait hold continue resume forget never mind nvm correct meant mean happy unhappy angry upset disappointed
    disappointing terrible awful horrible worst useless rude stupid idiot scam service customer quality product
    products item items received receive arrived arrive sent send waiting one two three four five first second thing
    things something anything everything nobody everybody always maybe perhaps really actually pretty quite enough
    question questions answer problem problems issue wonder wondering works work working use using used go going
    gone come came keep let try tried call called ask asked read write wrote money weather joke story movie song
    who's what's where's how's lol btw asap gonna wanna gotta dunno u ur r
    """
)
_NOT_ENGLISH = (
    _words(
        """
    le la les un une des du et est pas je vous nous mon ma mes votre que qui où quand pourquoi comment bonjour merci
    commande avec dans sur ce cette suis ai avez pour au aux il elle ne
    der das den dem ein eine einen und ist nicht ich sie wir mein meine bitte danke wo wann warum wie bestellung mit
    von für zu auf ja nein habe haben wurde hallo
    el los las una y es mi mis su por qué cuando dónde donde cómo hola gracias pedido con para en del está quiero
    il lo gli uno ed non mio mia dove quando perché come ciao grazie ordine di per sono ho
    o os um uma e não meu minha onde obrigado obrigada olá pedido com
    het een en niet ik mijn waar wanneer waarom hoe dank bestelling van voor naar op
    och är inte jag min var när hej tack ej att det som och på med
    ve bir bu ben benim nerede ne zaman merhaba sipariş için
    jest nie jak gdzie kiedy moje dzień dobry dziękuję zamówienie czy się w z na
    tôi của là không bạn ơi cảm đơn hàng
    saya anda ini itu tidak di mana pesanan terima kasih yang dan
    """
    )
    - _ENGLISH
)
