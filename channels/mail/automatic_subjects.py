"""How automatic replies title themselves, in the languages that mail systems speak.

Outlook and Exchange put the words before the subject in the language of the mailbox; QQ Mail, 163 and Foxmail send no
header with it. Only the head of a subject counts, and only words that stand alone there: what follows `Re:` was
written by a person who answers an automatic reply, and "Automatic reply does not work" is a complaint.
"""

from __future__ import annotations

import re
from typing import Final

_REPLY: Final = (
    # English
    r"(?:automatic|automated|auto)[- ]?(?:reply|response|responder|answer|acknowledge?ment)",
    r"out[- ]of[- ](?:the[- ])?office(?:[- ](?:auto[- ]?(?:reply|response)|reply|response|notification|message))?",
    r"(?:vacation|away|absence) (?:reply|response|message|notice|notification|auto[- ]?reply)",
    # German, Dutch
    r"automatische (?:antwort|e-?mail-?antwort|r[uü]ckantwort|antwoord)|automatisch (?:antwoord|beantwoord)",
    r"abwesenheits(?:notiz|nachricht|meldung|benachrichtigung|assistent)|afwezigheids?(?:bericht|melding|assistent)",
    # French, Spanish, Catalan, Galician, Basque, Portuguese, Italian, Romanian
    r"r[ée]ponse automatique|absence du bureau|message d'absence",
    r"respuesta autom[aá]tica|contestaci[oó]n autom[aá]tica|fuera de (?:la )?oficina|mensaje de ausencia",
    r"resposta autom[aàá]tica|erantzun automatikoa|fora (?:do escrit[oó]rio|de l'oficina)|aus[eê]ncia tempor[aá]ria",
    r"risposta automatica|fuori (?:sede|ufficio)|r[aă]spuns automat",
    # Nordic and Baltic
    r"automatiskt svar|autosvar|automatisk svar|frånvaromeddelande|ute av kontoret|frav[æa]rsbesked",
    r"automaattinen vastaus|poissaoloilmoitus|sjálfvirkt svar",
    r"automaatne vastus|automātisk[āa] atbilde|automatinis atsakymas",
    # Slavic
    r"odpowied[źz] automatyczna|automatyczna odpowied[źz]|poza biurem",
    r"automatick[áa] odpov(?:[ěe][dď]|e[dď])|mimo kancel[áa][řr]|samodejni odgovor|automatski odgovor",
    r"автоматический ответ|автоматическое уведомление об отсутствии|автоответ(?:чик)?|вне офиса",
    r"автоматична відповідь|автоматичен отговор|автоматски одговор|поза офісом",
    # Hungarian, Greek, Turkish, Hebrew, Arabic, Persian, Hindi
    r"automatikus válasz|házon kívül|αυτόματη απάντηση|απουσία από το γραφείο|εκτός γραφείου",
    r"otomatik (?:yan[ıi]t|cevap)|ofis d[ıi][şs][ıi]nda",
    r"תשובה אוטומטית|מענה אוטומטי|מחוץ למשרד|رد تلقائي|الرد التلقائي|خارج المكتب|پاسخ خودکار|स्वचालित (?:उत्तर|जवाब)",
    # Vietnamese, Thai, Indonesian, Malay
    r"(?:thư )?(?:trả lời|phản hồi) tự động|(?:การ|ข้อความ)?ตอบกลับอัตโนมัติ",
    r"balasan (?:otomatis|automatik)|jawaban otomatis",
    # Chinese, Japanese, Korean
    r"(?:系统|系統|假期|休假|外出|离开|離開|外出时的|外出時的)?(?:自动|自動)(?:回复|答复|回覆|答覆|回復|应答|"
    r"回應|回信)",
    r"不在(?:办公室|辦公室)",
    r"自動(?:返信|応答)(?:メール)?|不在(?:通知|メッセージ|のお知らせ)",
    r"(?:부재 ?중 ?)?자동 ?(?:회신|응답|답장)(?: ?메일)?|부재 ?중 ?(?:알림|회신|응답)",
)
"""That a reply is automatic, or that an office is empty: nobody titles a mail of their own like this."""
_ABSENCE: Final = (
    r"ooo|ooto|(?:on|away on) (?:vacation|annual leave|leave|holidays?)|away from (?:my|the) (?:mail|desk|office)|"
    r"(?:i am|i'm|i will be|we are) (?:currently )?(?:out of|away|on (?:vacation|annual leave|leave|holiday))",
    r"abwesend|abwesenheit|au(?:ß|ss)er haus|nicht im (?:b[uü]ro|haus)|ich bin .{0,20}nicht im b[uü]ro|"
    r"afwezig(?:heid)?",
    r"absen(?:ce|t)|en cong[ée]s?|je suis absent|ausencia|aus[eê]ncia|assenza|assente",
    r"frånvaro|frånvarande|frav[æa]r|ikke til ?stede|poissa|nieobecno[śs][ćc]|нет на работе|в отпуске",
    r"我?(?:现在|現在|目前|正在)?(?:休假|出差|外出|度假)中?|不在(?:連絡)?|外出中|休暇中|부재 ?중",
)
"""That somebody is away: a customer may say so, too, but not as the first words of an answer without `Re:`."""


def is_automatic(subject: str, *, answers: bool) -> bool:
    """Whether a subject says that an automatic reply is below it. `answers`: the mail answers another one."""
    subject = subject[:300].replace("’", "'")
    return _REPLIES.search(subject) is not None or (answers and _ABSENT.search(subject) is not None)


_OPENING: Final = r"^[\s\[【(（「<*]*(?:auto[:：]\s*)?"
_END: Final = r"(?:\s*[:：;；|]|\s+[-–—]\s|\s*$)"
_REPLIES: Final = re.compile(
    rf"{_OPENING}(?:{'|'.join(_REPLY)})(?:[\]】)）」>*]|{_END})|"
    r"[\[【(（](?:自动回复|自動回覆|自动答复|自動返信|auto[- ]?reply|automatic reply)[\]】)）]\s*$",
    re.IGNORECASE,
)
_ABSENT: Final = re.compile(rf"{_OPENING}(?:{'|'.join(_ABSENCE)})(?!\w*\s*[?？])", re.IGNORECASE)
