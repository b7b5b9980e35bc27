"""How automatic replies title themselves, in the languages that mail systems speak.

Outlook and Exchange put the words before the subject in the language of the mailbox; QQ Mail, 163 and Foxmail send no
header with it. Only the head of a subject counts, and only words that stand alone there: what follows `Re:` was
written by a person who answers an automatic reply, and "Automatic reply does not work" is a complaint.
"""

from __future__ import annotations

import re
from typing import Final

_HEADS: Final = (
    # English
    r"(?:automatic|automated|auto)[- ]?(?:reply|response|responder|answer|acknowledge?ment)",
    r"auto(?:reply|response)",
    r"out[- ]of[- ](?:the[- ])?office(?:[- ](?:auto[- ]?(?:reply|response)|reply|response|notification|message))?",
    r"ooo|ooto|vacation (?:reply|response|message|notice|auto[- ]?reply)|away (?:message|from (?:my|"
    r"the) (?:mail|desk|office))",
    r"on (?:vacation|annual leave|leave|holiday)|absence (?:notice|notification)",
    # German, Dutch
    r"automatische (?:antwort|e-?mail-?antwort|r[uü]ckantwort)|automatische antwoord|automatisch antwoord",
    r"abwesenheits(?:notiz|nachricht|meldung|benachrichtigung|assistent)|abwesend|abwesenheit|au(?:ß|ss)er haus|"
    r"nicht im (?:b[uü]ro|haus)|afwezig(?:heid(?:sbericht|smelding)?)?|automatisch beantwoord",
    # French, Spanish, Catalan, Galician, Basque, Portuguese, Italian, Romanian
    r"r[ée]ponse automatique|absen(?:ce|t)(?: du bureau| d[eu] bureau)?|message d'absence|en cong[ée]s?",
    r"respuesta autom[aá]tica|contestaci[oó]n autom[aá]tica|fuera de (?:la )?oficina|mensaje de ausencia",
    r"resposta autom[aàá]tica|erantzun automatikoa|fora (?:do escrit[oó]rio|de l'oficina)|"
    r"aus[eê]ncia(?: tempor[aá]ria)?",
    r"risposta automatica|fuori (?:sede|ufficio)|assenza (?:dall'ufficio|ufficio)|r[aă]spuns automat",
    # Nordic and Baltic
    r"automatiskt svar|autosvar|automatisk svar|frånvaro(?:meddelande)?|frånvarande|ikke til ?stede|"
    r"frav[æa]r(?:sbesked)?|"
    r"ute av kontoret|automaattinen vastaus|poissaoloilmoitus|poissa|sjálfvirkt svar",
    r"automaatne vastus|automātiskā atbilde|automātiska atbilde|automatinis atsakymas",
    # Slavic
    r"odpowied[źz] automatyczna|automatyczna odpowied[źz]|poza biurem|nieobecno[śs][ćc]",
    r"automatick[áa] odpov[ěe]d[ďť]?|automatick[áa] odpoveď|mimo kancel[áa][řr]|samodejni odgovor|automatski odgovor|"
    r"автоматски одговор",
    r"автоматический ответ|автоматическое уведомление об отсутствии|автоответ(?:чик)?|автоматична відповідь|"
    r"автоматичен отговор|вне офиса|нет на работе|поза офісом",
    # Hungarian, Greek, Turkish, Hebrew, Arabic, Persian, Hindi
    r"automatikus válasz|házon kívül|αυτόματη απάντηση|απουσία από το γραφείο|εκτός γραφείου",
    r"otomatik (?:yan[ıi]t|cevap)|ofis d[ıi][şs][ıi]nda",
    r"תשובה אוטומטית|מענה אוטומטי|מחוץ למשרד|رد تلقائي|الرد التلقائي|خارج المكتب|پاسخ خودکار|स्वचालित (?:उत्तर|जवाब)",
    # Vietnamese, Thai, Indonesian
    r"(?:thư )?(?:trả lời|phản hồi) tự động|ตอบกลับอัตโนมัติ|การตอบกลับอัตโนมัติ|ข้อความตอบกลับอัตโนมัติ|"
    r"balasan (?:otomatis|automatik)|jawaban otomatis",
    # Chinese, Japanese, Korean
    r"自动(?:回复|答复|回覆|应答|回信)|自動(?:回覆|答覆|回復|回應|回信|答复)|(?:假期|休假|外出|离开|"
    r"離開)(?:自动|自動)(?:回复|回覆)|"
    r"(?:我)?(?:现在|現在|目前)?不在(?:办公室|辦公室)|(?:休假|外出|出差)(?:通知|中)|系统自动回复|外出时的自动答复",
    r"自動(?:返信|応答|送信)(?:メール)?|不在(?:通知|メッセージ|のお知らせ|連絡)?|外出中(?:のため)?|休暇中",
    r"자동 ?(?:회신|응답|답장)(?: ?메일)?|부재 ?중(?: ?(?:자동 ?)?(?:알림|회신|응답))?",
)
_HEAD: Final = re.compile(
    rf"^[\s\[【(（「<*]*(?:auto[:：]\s*)?(?:{'|'.join(_HEADS)})[\s\]】)）」>*]*(?:[:：;；\-–—|/]|$)",
    re.IGNORECASE,
)
_SENTENCE: Final = re.compile(
    r"^(?:i(?:'m| am)|i will be|we are) (?:currently )?(?:out of (?:the )?office|on (?:vacation|annual leave|"
    r"holiday)|away)\b|"
    r"^(?:ich bin|derzeit) .{0,20}nicht im b[uü]ro|^je suis absent|^estoy fuera de|^[^:：]{0,40}\b(?:is|"
    r"are) out of (?:the )?office\b"
    r"(?! (?:chair|desk|furniture))|^我(?:现在|目前|正在)?(?:不在办公室|休假|出差)|"
    r"[\[【(（](?:自动回复|自動回覆|自动答复|自動返信|auto[- ]?reply|automatic reply)[\]】)）]\s*$",
    re.IGNORECASE,
)


def is_automatic(subject: str) -> bool:
    """Whether a subject says that an automatic reply is below it."""
    subject = subject[:300].replace("’", "'")
    return bool(_HEAD.search(subject) or _SENTENCE.search(subject))
