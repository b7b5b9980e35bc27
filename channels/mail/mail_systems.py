"""Whether a mail is a mail system's report about another mail: told by who sent it and how it is titled.

A person who writes about a bounce, or forwards one, is a person: what such a mail says closes no address.
"""

from __future__ import annotations

import re
from typing import Final

from channels.mail.bounce_reports import FIELD_TYPES, top_parts
from channels.mail.message import ParsedMail


def is_of_a_mail_system(mail: ParsedMail) -> bool:
    """Whether a mail reports what became of another mail: asked of every mail, so it looks at headers first."""
    headers = mail.headers
    if headers.content_type == "multipart/report":
        kind = (headers.parameter("content-type", "report-type") or "").lower()
        if kind in {"delivery-status", "global-delivery-status"}:
            return True
        if kind in {"disposition-notification", "feedback-report"}:
            return False
    if "x-failed-recipients" in headers:
        return True
    local, _, domain = mail.from_.address.lower().rpartition("@")
    daemon = (
        bool(_DAEMONS.fullmatch(local or domain))
        or bool(_DAEMON_NAMES.search(mail.from_.name))
        or _DAEMON_NAMES.search(headers.get("from")) is not None
    )
    returned = "return-path" in headers and headers.plain("return-path").strip("<> ").lower() in {"", "mailer-daemon"}
    if not daemon and not returned and mail.from_.address:
        return False
    if any(part.content_type in FIELD_TYPES for part in top_parts(mail.structure)):
        return True
    if _NO_REPORT.search(mail.subject):
        return False
    if _FAILED.search(mail.subject):
        return True
    return (daemon or returned) and _FAILED.search(mail.text[:3_000]) is not None


_DAEMONS: Final = re.compile(
    r"(?:mailer|mail|maildelivery|delivery)[-_.]?d(?:a|e)?emon|post[-_.]?master|poostmaster|mdaemon|"
    r"mail[-_.]?(?:delivery|deliver|system|admin\w*|router|server|gateway)(?:[-_.](?:sub)?system)?|"
    r"bounces?|mailsystem|symantec_antivirus\S*|inetgw\d*|microsoftexchange\w+|system-admin\w*"
)
_DAEMON_NAMES: Final = re.compile(
    r"mail(?:er)?[ -]?(?:delivery|deliver|daemon)|delivery (?:sub)?system|postmaster|system administrator|"
    r"mail system|mail administrator",
    re.IGNORECASE,
)
_FAILED: Final = re.compile(
    r"undeliver|undelivered|(?:non|not|un)[- ]?deliver(?:y|able|ed)|deliver\w* (?:has |was |is |have |been )*"
    r"(?:fail|problem|error|abort|delay|impossible)|delivery (?:report|status|notification)|"
    r"return(?:ed|ing) (?:mail|message|e-?mail)|(?:mail|message|e-?mail)s? (?:was |is |has been )?returned|"
    r"(?:mail|message) (?:delivery|system) |"
    r"(?:could|can|was|has|have|is|were|did|does|would)(?: ?n[o']t|'t)(?: yet)? (?:be |been |"
    r"able to be )?(?:successfully )?"
    r"(?:deliver|sent\b|reach|transmit)|cannot (?:be )?(?:deliver|send)|(?:unable|n[o']t able) to (?:deliver|"
    r"send|reach)|"
    r"failed (?:mail|permanently|to deliver)|failure (?:notice|notif\w+|report)|mail failure|bounce notif|"
    r"\bbounced (?:mail|message|e-?mail)|^\W*(?:bounced?)\W*$|"
    r"permanent (?:fatal )?error|rejected (?:your|recipient)|problem delivering|error sending|trouble delivering|"
    r"message delayed|delayed (?:mail|message)|message(?: \S+)? (?:is |has been )?delayed|"
    r"error message below|unknown user|user unknown|invalid user|no such user|mail (?:system|transfer|server) error|"
    r"unzustellbar|zustell\w* (?:\w+ )?(?:fehlgeschlagen|nicht)|nicht zugestellt|non[- ](?:remis|distribu|livr)|"
    r"n'a pas pu (?:e|ê)tre|[ée]chec de (?:la )?(?:remise|livraison|distribution)|"
    r"no se (?:pudo|ha podido) entregar|no (?:fue )?entregad|devuelto|n[ãa]o (?:p[ôo]de ser |foi )?entregue|"
    r"mancat\w+ (?:recapito|consegna)|non (?:\S+ )?(?:recapit|consegnat)|onbestelbaar|"
    r"niet (?:worden )?(?:bezorgd|afgeleverd)|"
    r"не (?:\S+ ){0,2}доставлен|недоставлен|ошибка доставки|nie (?:został\w+ |można )?dostarcz|niedostarcz|"
    r"(?:kan|kunde|kunne) (?:inte|ikke) lever|ej levererat|olevererbar|toimitt\w+ (?:epäonn|ei)|ei voitu toimittaa|"
    r"nelze doručit|nedoruč|k[ée]zbes[íi]t\w* (?:sikertelen|nem)|teslim edilemedi|gagal (?:di)?kirim|tidak terkirim|"
    r"không (?:thể )?(?:gửi|chuyển) được|退信|退回|退件|(?:无法|無法|未能|不能)\S{0,4}(?:投递|投遞|送达|送達|"
    r"发送|發送|传递|傳遞|递送)|"
    r"(?:投递|投遞|发送|發送|寄送|传送|傳送|递送)\S{0,4}(?:失败|失敗)|未送达|未送達|未能送|"
    r"(?:配信|送信|配送|送達)\S{0,4}(?:できません|不能|失敗|エラー)|届け\S{0,6}ません|エラーメール|宛先不明|"
    r"반송|(?:배달|전송|전달)\S{0,4} ?(?:실패|못|없)",
    re.IGNORECASE,
)
_NO_REPORT: Final = re.compile(
    r"^(?:fwd?|wg|tr|rv|enc|i|转发|轉寄|转寄|転送)\s*[:：]|out of (?:the )?office|automatic reply|"
    r"auto(?:matic)?[- ]?repl",
    re.IGNORECASE,
)
