"""The names under which character sets are declared in mail, and the codec that reads the whole family.

Sources: the WHATWG Encoding Standard, 4.2; IANA's registry of character sets; what clients write besides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_MEMBERS: Final[Mapping[str, str]] = {
    "ascii": "ascii us_ascii usascii us ansi_x3_4_1968 ansi_x3_110_1983 iso646_us 646 ascii_us",
    "utf_8": (
        "utf_8 utf8 utf u8 utf8mb4 utf8mb3 utf_8_mac utf_8n utf8n utf_8_sig unicode unicode_1_1_utf_8 cp65001 "
        "65001 utf_8_utf_8 iso_10646 iso_10646_utf_8 unicode_utf_8 utf_8_bom"
    ),
    "utf_7": "utf_7 utf7 u7 unicode_1_1_utf_7 cp65000 65000 unicode_2_0_utf_7 x_imap4_modified_utf7",
    "gb18030": (
        "gb18030 gb18030_2000 gb2312 gb_2312 gb_2312_80 gb2312_80 gb2312_1980 gb_2312_1980 gbk x_gbk gb cp936 "
        "ms936 936 windows_936 euc_cn euccn eucgb2312_cn chinese iso_ir_58 simplified_chinese gb2312_cn "
        "x_euc_cn cn_gb csgb2312 csiso58gb231280 gb13000"
    ),
    "cp950": (
        "big5 big_5 big5_tw cn_big5 x_x_big5 csbig5 cp950 ms950 950 windows_950 big5_eten big5_uao big5uao "
        "traditional_chinese x_big5 chinesebig5 chinese_big5"
    ),
    "big5hkscs": "big5hkscs big5_hkscs hkscs big5_hk x_big5_hkscs cp951",
    "cp932": (
        "shift_jis shiftjis sjis x_sjis s_jis ms_kanji ms932 cp932 932 windows_31j windows_932 csshiftjis "
        "cswindows31j shift_jisx0213 mskanji cp943 cp943c shift_jis_ms"
    ),
    "euc_jp": "euc_jp eucjp x_euc_jp ujis x_euc cseucpkdfmtjapanese eucjp_ms eucjp_win cp51932",
    "iso2022_jp": (
        "iso_2022_jp iso2022_jp iso2022jp iso_2022_jp_1 iso_2022_jp_2 iso_2022_jp_3 iso_2022_jp_ms "
        "iso_2022_jp_2004 iso_2022_jp_ext csiso2022jp cp50220 cp50221 cp50222 jis jis7 junet iso2022_jp_1 "
        "iso2022_jp_2 iso2022_jp_3 iso2022_jp_2004 iso2022_jp_ext"
    ),
    "cp949": (
        "euc_kr euckr ks_c_5601 ks_c_5601_1987 ks_c_5601_1989 ksc_5601 ksc5601 ks_x_1001 korean cp949 ms949 "
        "949 windows_949 uhc cseuckr csksc56011987 iso_ir_149 5601 ksx1001"
    ),
    "iso2022_kr": "iso_2022_kr iso2022_kr iso2022kr csiso2022kr",
    "iso2022_cn": "iso_2022_cn iso2022_cn iso2022cn iso_2022_cn_ext",
    "hz": "hz hz_gb_2312 hzgb hz_gb",
    "cp1250": "windows_1250 cp1250 x_cp1250 win1250 1250 ansi_1250",
    "cp1251": "windows_1251 cp1251 x_cp1251 win1251 win_1251 1251 ansi_1251 windows_cyrillic",
    "cp1252": (
        "windows_1252 cp1252 x_cp1252 win1252 1252 x_ansi ansi ansi_1252 windows western iso_8859_1 iso8859_1 "
        "iso8859 iso88591 8859_1 8859 iso_8859 latin1 latin_1 l1 latin iso_ir_100 cp819 iso_8859_1_1987 "
        "iso_8859_1_windows_3_1_latin_1 csisolatin1 iso_8859_1i iso isolatin1 iso_latin_1"
    ),
    "cp1253": "windows_1253 cp1253 win1253 1253",
    "cp1254": (
        "windows_1254 cp1254 win1254 1254 iso_8859_9 iso8859_9 iso88599 latin5 l5 iso_ir_148 csisolatin5 "
        "iso_8859_9_1989 8859_9"
    ),
    "cp1255": "windows_1255 cp1255 win1255 1255",
    "iso8859_8": "iso_8859_8 iso8859_8 iso_8859_8_i iso_8859_8_e iso8859_8_i visual logical hebrew csiso88598i",
    "iso8859_6": "iso_8859_6 iso8859_6 iso_8859_6_i iso_8859_6_e arabic asmo_708",
    "cp1256": "windows_1256 cp1256 win1256 1256",
    "cp1257": "windows_1257 cp1257 win1257 1257",
    "cp1258": "windows_1258 cp1258 win1258 1258",
    "cp874": "windows_874 cp874 874 tis_620 tis620 iso_8859_11 iso8859_11 dos_874 thai iso_ir_166",
    "koi8_r": "koi8_r koi8r koi8 koi koi_8_r cskoi8r",
    "koi8_u": "koi8_u koi8u koi8_ru",
    "cp866": "ibm866 cp866 866 csibm866",
    "mac_roman": "macintosh mac macroman mac_roman x_mac_roman csmacintosh apple_roman",
    "mac_cyrillic": "x_mac_cyrillic x_mac_ukrainian maccyrillic mac_cyrillic",
    "mac_latin2": "x_mac_ce maccentraleurope x_mac_centraleurroman mac_latin2",
    "mac_greek": "x_mac_greek macgreek mac_greek",
    "mac_turkish": "x_mac_turkish macturkish mac_turkish",
    "iso8859_15": "iso_8859_15 iso8859_15 iso885915 latin9 latin_9 l9 csisolatin9 8859_15",
}
FAMILIES: Final[Mapping[str, str]] = {name: codec for codec, names in _MEMBERS.items() for name in names.split()}
"""By the name in lower case, with `_` for everything that is no letter or digit."""

NO_SETS: Final = frozenset({
    "7bit", "8bit", "_autodetect", "application_octet_stream", "auto", "autodetect", "binary",
    "charset", "default", "iso_8859_8bit", "none", "not_specified", "null", "text", "undefined",
    "unknown", "unknown_8bit", "unspecified", "user_defined", "utf_16_unknown", "utf_8_or_iso_8859_1",
    "x_binaryenc", "x_unknown", "x_user_defined",
})  # fmt: skip
"""What stands there where a program did not know."""
