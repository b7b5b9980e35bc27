"""Typography that SMS pays for: one curly quote makes a text UCS-2, and more than doubles its segments."""

from __future__ import annotations

from typing import Final

from channels.sms.segments import is_gsm

_PLAIN: Final = {
    "\u2018": "'", "\u2019": "'", "\u201a": "'", "\u201b": "'", "\u2032": "'", "\u02bc": "'", "\u00b4": "'", "`": "'",
    "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u201f": '"', "\u2033": '"', "\u00ab": '"', "\u00bb": '"',
    "\u2039": "<", "\u203a": ">",
    "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2014": "-", "\u2015": "-", "\u2212": "-",
    "\u00ad": "", "\u200b": "", "\u200c": "", "\u200d": "", "\u2060": "", "\ufeff": "", "\u200e": "", "\u200f": "",
    "\u00a0": " ", "\u2002": " ", "\u2003": " ", "\u2007": " ", "\u2009": " ", "\u200a": " ", "\u202f": " ", "\t": " ",
    "\u2028": "\n", "\u2029": "\n", "\u0085": "\n",
    "\u2026": "...", "\u2022": "-", "\u00b7": "-", "\u2043": "-", "\u00d7": "x", "\u2044": "/", "\u2192": "->",
    "\u00a9": "(c)", "\u00ae": "(R)", "\u2122": "(TM)", "\u2116": "No.", "\ufb01": "fi", "\ufb02": "fl",
    "\u00bd": "1/2", "\u00bc": "1/4", "\u00be": "3/4",
}  # fmt: skip
"""What reads the same. Letters with accents are not here: they are somebody's name."""
_TABLE: Final = str.maketrans(_PLAIN)


def transliterated(text: str) -> str:
    """The same text in the GSM alphabet, if only typography kept it out; else, Chinese for one, as it was."""
    if is_gsm(text):
        return text
    plain = text.translate(_TABLE)
    return plain if is_gsm(plain) else text
