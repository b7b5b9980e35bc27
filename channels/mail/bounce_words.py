"""What mail servers say when they refuse a mail, in the words that they are known to use.

Each group stands for one reason; the first that fits counts. Patterns are for text in lower case, on one line, with
`@` in place of every address and `link` in place of every link.
"""

from __future__ import annotations

import re
from typing import Final

from channels.mail.bounce_reasons import Reason


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns))


REFUSED_AS_UNKNOWN: Final = re.compile(
    r"recipient address rejected: (?:access denied|user unknown|undeliverable address|unknown (?:user|"
    r"recipient|address)|"
    r"no such|user not found|address unknown|user does)"
)
"""Postfix and Exchange Online: the list of recipients was asked, and nothing else."""
DOUBTS: Final[tuple[tuple[Reason, re.Pattern[str]], ...]] = (
    (
        Reason.MAILBOX_FULL,
        _words(
            r"mail ?box (?:is |was |has been )?(?:\w+ )?(?:full|over|exceed\w*)",
            r"(?:user|recipient|account|inbox|folder|mailfolder|maildir|mail) (?:is |has )?(?:over|full\b|exceeded)",
            r"over[ -]?quota",
            r"(?:over|out of|exceed\w*|beyond)(?: \S+){0,5} (?:quota|storage|disk space|mailbox size)",
            r"quota(?: \S+){0,4} (?:exceed|full|violat|reached|over)",
            r"(?:disk|storage|mailbox) (?:quota|space|limit)",
            r"exceeded the (?:local|allowed|maximum) (?:limit|size|storage)",
            r"insufficient (?:disk |system |mailbox )?(?:storage|space|quota)|"
            r"no (?:more )?(?:storage )?space (?:for|left for)",
            r"not enough (?:storage |disk |free )?space",
            r"too much mail data",
            r"mail(?:box|drop)? (?:size )?limit exceeded",
            r"messages? in (?:the )?(?:recipient's )?mailbox exceeded",
            r"\bboite (?:du destinataire )?pleine",
            r"(?:buz[oó]n|bandeja|caixa|casella|postfach|postvak|mailbox|boîte|ящик)(?: \S+){0,4} "
            r"(?:llen[oa]|chei[oa]|pien[ao]|voll|vol\b|pleine|переполнен)",
            r"переполнен",
            r"(?:邮箱|信箱|郵箱|空间|空間|容量|配额)\S{0,12}(?:已满|已滿|满了|不足|超出|超过|用完)",
            r"(?:メール)?ボックス\S{0,8}(?:一杯|いっぱい|満杯|超え)|容量\S{0,6}超",
            r"メール?ボックスが(?:一杯|いっぱい)",
        ),
    ),
    (
        Reason.TOO_LARGE,
        _words(
            r"(?:message|mail|size|length)(?: \S+){0,6} too (?:large|big|long)\b(?! (?:time|ago))",
            r"(?:size|length)(?: \S+){0,3} exceed",
            r"exceeds(?: \S+){0,5} (?:size|length|limit)",
            r"too (?:large|big) (?:message|mail)",
            r"(?:邮件|郵件|附件)\S{0,8}(?:过大|太大|過大)|超过\S{0,10}大小",
        ),
    ),
    (
        Reason.SUSPENDED,
        _words(
            r"(?:account|mailbox|mail ?box|user|recipient|address|email|domain)(?:'s)?(?: \S+){0,7} "
            r"(?:is |has been |was |been |are |temporarily |currently )*"
            r"(?:disabled|suspended|locked|frozen|blocked|deactivated|discontinued|expired|on hold|restricted|"
            r"closed)\b",
            r"(?:disabled|suspended|locked|frozen|blocked|deactivated) (?:account|mailbox|user|recipient|address)",
            r"not accepting (?:new )?(?:messages|mail)\b(?! for)",
            r"no longer (?:accepts|accepting)|archiv(?:ed|[ée]e?) recipient|destinataire archiv|user is terminated",
            r"(?:account|mailbox|user|recipient)(?: \S+){0,3} (?:temporarily|currently) (?:inactive|"
            r"unavailable|disabled)",
            r"has been (?:suspended|disabled|deactivated)|temporarily inactive|suspend the service|"
            r"extended inactivity",
            r"due to inactivity|extended period of inactivity|is inactive\b|inactive (?:user|account|mailbox)",
            r"invalid\s?/\s?inactive user",
            r"compte (?:du destinataire )?(?:est )?(?:bloqu|suspendu|inactif|desactiv|désactiv)",
            r"(?:帐号|账号|账户|邮箱|用户|帳號|信箱)\S{0,6}(?:停用|禁用|冻结|封停|被封|锁定|过期|凍結|鎖定)",
        ),
    ),
    (
        Reason.UNAUTHENTICATED,
        _words(
            r"\bdmarc\b",
            r"\bspf\b",
            r"\bdkim\b",
            r"unauthenticated (?:email|mail|sender)",
            r"(?:sender|message|email) (?:is|are) (?:not authenticated|unauthenticated)",
            r"sender policy framework",
            r"authentication (?:checks? )?fail",
        ),
    ),
    (
        Reason.NO_REVERSE_NAME,
        _words(
            r"\bptr\b",
            r"\brdns\b",
            r"reverse[ -](?:dns|name|host|lookup|mapping|ip)",
            r"(?:cannot|could not|can't|unable to) (?:find|resolve|verify) your (?:reverse |host ?)",
            r"no (?:reverse )?dns (?:entry|record)? ?for (?:your )?(?:ip|client)",
            r"forward(?:-| )confirmed",
            r"sender ip reverse",
        ),
    ),
    (
        Reason.VIRUS,
        _words(r"\bvirus", r"\bworm\b", r"malware", r"infected", r"trojan", "病毒", "ウイルス"),
    ),
    (
        Reason.BLOCKED,
        _words(
            r"\bspamhaus\b|spamcop|barracuda\w*\.org|sorbs|\brbl\b|\bdnsbl\b|\bdnsrbl\b",
            r"(?:black|block|deny|exclusion)[ -]?(?:list|hole)",
            r"(?:ip|host|network|address|client|server|connections?)(?: \S+){0,6} "
            r"(?:is |are |been |was )*(?:blocked|banned|denied|blacklisted)",
            r"blocked (?:by|for|due|because|using|from)",
            r"\bblocked\b|\bbanned\b|\bblack ?listed\b",
            r"your (?:ip|network|server|host)(?: address)?(?: \S+){0,5} (?:reject|refus|listed)",
            r"(?<!not )\blisted (?:in|at|by|on)\b",
            r"bloqu[eé]e? pour",
            r"ip address (?:rejected|refused)|no ip address found",
            r"access from ip address|(?<!rejected: )\baccess (?:is )?(?:denied|not (?:allowed|permitted))",
            "黑名单|黑名單",
        ),
    ),
    (
        Reason.BAD_REPUTATION,
        _words(r"reputation", r"user complaints", r"unexpected volume", r"\btss0\d\b"),
    ),
    (
        Reason.RATE_LIMITED,
        _words(
            r"too many (?:connections|messages|mails|emails|recipients|sessions|concurrent|smtp|hops? per|errors|"
            r"invalid|unknown)",
            r"rate[ -]?limit|(?:connection|message|sending|mail|receiving|delivery) rate",
            r"throttl",
            r"(?:sending|sent|receiving|received)(?: \S+){0,5} too (?:many|fast|quickly|frequently)",
            r"limit(?: \S+){0,4} (?:per|in|within) (?:\S+ )?(?:hour|minute|day|session|connection)",
            r"(?:exceeded|reached|over)(?: \S+){0,6} (?:maximum|limit)(?: \S+){0,4} (?:connections|messages|"
            r"recipients)",
            r"(?:频率|頻率)|过于频繁|發送過於頻繁",
        ),
    ),
    (
        Reason.POLICY,
        _words(
            r"\bpolic(?:y|ies)\b|local rules|helo command rejected|invalid (?:helo|ehlo)|domain owner discourages",
            r"suspicious activity",
        ),
    ),
    (
        Reason.FILTERED,
        _words(
            r"only accept(?:s|ing)? (?:e-?mails?|messages) from|not accepting any mail|user rules|"
            r"(?:recipient|user)(?:'s)? preferences|refuses? to (?:receive|accept)|reject(?:ed|"
            r"s)? by (?:the )?(?:user|recipient)\b(?! domain)|"
            r"user reject|is protected by|blocked by the recipient|receiving mail (?:at a rate|too)",
        ),
    ),
    (
        Reason.GREYLISTED,
        _words(r"gr[ea]y[ -]?list", r"\bunverified address|address verification in progress"),
    ),
    (
        Reason.SPAM,
        _words(
            r"\bspam",
            r"\buce\b|\bube\b|unsolicited",
            r"\bjunk\b",
            r"bulk (?:e-?)?mail",
            r"content filter|cloudmark|mail rejet[eé]",
            r"(?:blocked|rejected) by (?:our )?(?:content|message) ",
            r"looks like (?:a )?(?:spam|phish)|phishing",
            r"high on spam|probable spam|spam score",
            "垃圾(?:邮件|郵件)",
        ),
    ),
    (
        Reason.SENDER_REJECTED,
        _words(
            r"sender (?:was |is |has been |address |domain |e-?mail |verify |verification |id |host )*"
            r"(?:rejected|refused|denied|unknown|invalid|fail|not (?:allowed|exist|found|accepted|permitted)|blocked|"
            r"does ?n[o']t|must|could|unverified|un(?:resolvable|deliverable))",
            r"(?:domain|name|host) of (?:the )?sender",
            r"sender'?s? (?:domain|address|e-?mail|host)",
            r"valid sender",
            r"(?:from|originator|return[ -]path|envelope) (?:address |sender |domain )*"
            r"(?:rejected|invalid|does not|not|is not|must|could)",
            r"(?:we|i|server) (?:do(?:es)? not|don't|won't|cannot) accept (?:mail|messages?|email) from",
            r"not accepting mail from",
            r"(?:invalid|bad|unknown|fake) (?:sender|return path|from)",
            r"groups\.google\.com",
            r"(?:not|aren't) (?:allowed|authori[sz]ed|permitted) to (?:send|post|submit)",
            r"(?:closed|private|restricted) (?:mailing )?(?:list|group)|only (?:members|subscribers)",
            r"recipient(?: \S+){0,3} only accepts? mail from",
            r"发件人\S{0,8}(?:拒|不存在)",
        ),
    ),
    (
        Reason.RELAY_DENIED,
        _words(
            r"relay(?:ing)? (?:access )?(?:is )?(?:denied|prohibited|not (?:permitted|allowed)|disallowed|"
            r"refused|failed)",
            r"(?:not|unable|cannot|refus\w+|no|don't|won't|not configured|not allowed|not permitted|can't)"
            r"(?: \S+){0,3} relay",
            r"we do not relay|relaying (?:mail )?(?:to|for|from)|not a (?:local|known) domain|no relaying",
            r"not in my list of (?:allowed )?rcpthosts|rcpthosts",
            r"that domain isn't (?:in|on)|not (?:a )?local(?:ly)? (?:host|domain)|not (?:a )?gateway",
            r"insecure mail relay|no relay permitted|mail server requires authentication when",
        ),
    ),
    (
        Reason.SECURITY,
        _words(
            r"authentication (?:is )?required|must (?:be )?authenticat|log ?in (?:to|first|required)",
            r"(?:user|username|password|credential)\w*(?: \S+){0,3} (?:incorrect|not match|authentication fail)",
            r"starttls|tls (?:is )?(?:required|negotiation|handshake)|encryption (?:required|needed)|certificate",
            r"sasl|pop before smtp|executable file|\bcode=ec\b",
        ),
    ),
    (
        Reason.NOT_COMPLIANT,
        _words(
            r"\brfc ?-?\d{3,4}\b",
            r"not rfc|\b(?:multiple|duplicate|missing|invalid|malformed|bad|illegal)(?: \S+){0,6} header",
            r"\bbare (?:lf|cr|line)|\b(?:missing|no|invalid|without)(?: \S+){0,3} (?:message-id|date|from:|"
            r"from header)",
            r"\b8[ -]?bit (?:data )?(?:in|not)",
        ),
    ),
    (
        Reason.CONTENT,
        _words(
            r"(?:attachment|mime|file type|file extension|content)(?: \S+){0,8} "
            r"(?:reject|refus|block|not allowed|prohibit|unacceptable|forbidden|disallow|invalid)",
            r"(?:message|mail) (?:content|body)(?: \S+){0,4} (?:reject|refus|denied)|"
            r"(?:unsupported|routing loop|too many) (?:media|mime)",
        ),
    ),
    (
        Reason.SYSTEM_FULL,
        _words(
            r"(?:mail )?system (?:is )?full|no space left|requested mail action aborted: exceeded",
        ),
    ),
    (
        Reason.NETWORK,
        _words(
            r"lost connection|connection (?:was |has been )?(?:timed out|time-?out|refused|reset|dropped|closed|lost|"
            r"abort|died)",
            r"connect(?:ion)? (?:to|with)(?: \S+){0,8} (?:failed|timed out|refused|time ?out)",
            r"no route to host|network (?:error|is unreachable|unreachable)|host (?:is )?(?:unreachable|down)",
            r"(?:host|server) (?:is )?not (?:responding|reachable)",
            r"socket error|not accept our requests to connect",
            r"unexpected name server reply|name server (?:timeout|loop)|temporar\w+ (?:dns|resolution|lookup)|"
            r"dns (?:server )?(?:timeout|failure|temporar|lookup tempor)",
            r"host not found, try again|couldn't resolve|unable to resolve route",
            r"too many hops|mail (?:\w+ )?loop|loop(?:s|ing)? back|hop count|routing loop|loop (?:detected|broken)",
            r"unable to connect|could ?n[o']t connect|can't connect|no connection could be made|not connect to|"
            r"unable to establish|couldn't establish",
            r"all hosts? (?:have been|for)(?: \S+){0,6} (?:failing|unavailable|down)|broken pipe|no answer from host",
        ),
    ),
    (
        Reason.EXPIRED,
        _words(
            r"(?:retry|connection|delivery|queue|message|mail|session|operation)(?: \S+){0,2} "
            r"(?:time-?out|timed out|expired)",
            r"too long|long (?:time|failure)|(?:delivery|message) (?:time )?expired",
            r"(?:could|can|was|has|been)\s?not be(?:en)? delivered (?:with)?in|not delivered within",
            r"(?:is|been|still) (?:delayed|being retried|awaiting)|delayed for|delivery (?:is )?delayed|"
            r"message delayed",
            r"(?:repeated|several|\d+) (?:delivery )?attempts|giving up(?! on )|maximum (?:delivery )?attempts",
            r"(?:no|not) (?:answer|respon[sd]\w*)|did not respond|retry time not reached|expired before delivery",
            r"will (?:be|continue|keep)(?: \S+){0,3} (?:retr|try)",
        ),
    ),
    (
        Reason.SYSTEM_ERROR,
        _words(
            r"(?:internal|system|server|configuration|storage|database|local|software|alias|temporary lookup) "
            r"(?:\w+ )?(?:error|failure|problem)",
            r"service (?:is )?(?:currently |temporarily )?(?:unavailable|not available)",
            r"temporar(?:y|ily) (?:\w+ )?(?:fail|error|problem|unavail|deferred|reject|disabled|local)",
            r"try (?:again|later)|please retry|later|(?:server|mailbox|system) (?:is )?(?:too )?busy|"
            r"system resources|réessayer|essayer plus tard",
            r"(?:can't|cannot|unable to|could ?n[o']t) (?:create|open|write|access|lock|append|read|save)",
            r"broken config|misconfigur|out of memory|resources? (?:temporarily )?(?:unavail|limit)",
            r"稍后再试|請稍後|系统繁忙",
        ),
    ),
)
"""In order: the first that fits. All soft, and asked before the hard ones."""

MOVED: Final = _words(
    r"(?:recipient|user|mailbox|account|address)(?: \S+){0,3} no longer on (?:this |the )?server",
    r"has (?:been )?(?:moved|replaced by|changed (?:to|his|her|their))|is now (?:at|reached)|moved to @",
    r"mailbox (?:has )?moved",
)
NO_MAIL_HERE: Final = _words(
    r"\bnull ?mx\b",
    r"(?:host|domain|server|address)[^.]{0,40} (?:does not|doesn't|do not) accept (?:any )?(?:e-?mail|"
    r"messages)\b(?! from)",
    r"no smtp service",
    r"not accepting network messages",
    r"mail receiving disabled|does not accept incoming (?:e-?)?mail",
    r"no mx found for|no mail service",
)
HOST: Final = _words(
    r"(?:unknown|no such|non-?existent|invalid|unrouteable|unroutable|illegal|bad destination) "
    r"(?:mail )?(?:host|domain|system|dns)",
    r"(?:host|domain)(?: name)?(?: \S+)? (?:unknown|(?:was |could )?not (?:be )?(?:found|exist|known|resolve)|"
    r"does ?n[o']t exist|"
    r"invalid)",
    r"unrouteable address|unroutable address",
    r"host or domain name not found|domain name not found|host not found|host lookup did not complete",
    r"could ?n[o']t find (?:any|a) (?:host|mail server|mail exchanger|domain|gateway|mx)|"
    r"could not find a gateway|illegal host",
    r"point to non-?existent hosts|all host address lookups failed permanently",
    r"\bnxdomain\b|\bno mx (?:records? )?for\b|unable to find (?:an? )?mx|name or service not known|"
    r"domain does(?:n't| not) exist|no (?:valid )?(?:mx|dns|a) records?",
    r"域名\S{0,8}(?:不存在|错误|有误|無法|无效)|找不到\S{0,8}域名|网域\S{0,4}不存在|網域\S{0,4}不存在",
    r"домен\S{0,3} (?:\S+ )?не (?:найден|существует)|ドメイン\S{0,8}(?:存在しません|見つかりません)",
)
SURE: Final = _words(
    r"no such (?:user|recipient|mailbox|account|person|address|mail ?drop|local|customer|addressee|(?:\S+ )?here)",
    r"(?:user|mail ?box|account|address|recipient|addressee|alias|person)\b[^.!?]{0,60}? "
    r"(?:does ?n[o']t|do not|did not|doesn't) (?:exist|have)",
    r"(?:user|mail ?box|account|address|recipient|addressee)\b[^.!?]{0,40}? "
    r"(?:could ?n[o']t|could not|cannot|was ?n[o']t|is ?n[o']t|not|can't) (?:be )?(?:found|known|exist|"
    r"recogni[sz]ed|listed)",
    r"does ?n[o']t have an? (?:\S+ )?account|doesn't have an? @ account|there is no one at this address",
    r"(?:no|not a?) ?(?:valid |known |local )?(?:mail ?box|account|recipient|user)(?: \S+)? (?:here|"
    r"by that name|for|with|of|named)",
    r"not (?:listed|found|registered) in|name is not recogni[sz]ed|recipnotfound|recipientnotfound|adr\.\w*notfound",
    r"(?:mail ?box|user|account|address|recipient)[^.!?]{0,30} not found|address not found|"
    r"not (?:a )?known (?:user|recipient|here)",
    r"(?:address|user|recipient|mail ?box) (?:is )?not present|not an active address|existe (?:dicha|ese|esa)|"
    r"not have an? account|not in my validrcptto|"
    r"(?:nobody|no ?one)(?: by that name)? here|unknown virtual user|not local or unknown|"
    r"unable to find (?:that |the )?user|"
    r"not our customer|no longer (?:valid|exists?|available|with|works|employed|in use|at this)",
    r"(?:invalid|non-?existent|bad|illegal|incorrect|undeliverable|wrong) "
    r"(?:recipients?|users?|mail ?box|destination mailbox|destinataire|addressee|account|user address)\b",
    r"not (?:a )?valid (?:user|recipient|account|e-?mail address)|is not (?:a )?valid|wrong or no longer",
    r"unknown local[ -]part|unknown user:|ex_nouser|user name unknown|no valid recipient",
    r"recipient address rejected: (?:access denied|user|undeliverable|invalid|no such|address)",
    r"adresse (?:d au moins un |du )?destinataire (?:invalide|inconnue)|utilisateur inconnu|destinataire inconnu",
    r"(?:benutzer|empf[aä]nger|adresse|konto|postfach)\b[^.]{0,40} (?:unbekannt|existiert nicht|"
    r"nicht (?:gefunden|bekannt))",
    r"(?:usuario|destinatario|cuenta|buz[oó]n|direcci[oó]n)\b[^.]{0,40} (?:no existe|desconocid|no encontrad|"
    r"inv[aá]lid)",
    r"(?:usu[aá]rio|destinat[aá]rio|conta|endere[cç]o)\b[^.]{0,40} (?:n[aã]o existe|desconhecid|inexistente|"
    r"inv[aá]lid)",
    r"(?:utente|destinatario|casella|indirizzo)\b[^.]{0,40} (?:inesistente|sconosciut|non (?:esiste|trovat))",
    r"(?:пользовател|получател|адрес|ящик)\S{0,3}\b[^.]{0,40} не (?:существует|найден)|такого пользователя нет",
    r"(?:收件人|收件者|用户|用戶|帐号|账号|账户|邮箱|信箱|郵箱|地址|帳號)[^。;；]{0,30}(?:不存在|找不到|无效|無效)|"
    r"无此用户|沒有此用戶|没有(?:该|此)用户|查无此人|查無此人|無此(?:用戶|使用者|帳號|收件)",
    r"(?:宛先|ユーザー?|アドレス|メールアドレス|受信者)[^。]{0,20}(?:存在しません|見つかりません|ありません|不明)",
    r"(?:사용자|수신자|계정|주소)[^.]{0,20}(?:존재하지 않|찾을 수 없|없습니다)",
)
"""That there is no such mailbox is said in a sentence."""
LIKELY: Final = _words(
    r"user (?:is |was )?(?:unknown|not (?:found|known))",
    r"unknown (?:user|recipient|address|account|mail ?box|addressee|or illegal)",
    r"(?:recipient|address|addressee|account|mail ?box|destination|e-?mail)(?: \S+){0,2} (?:is |was )?unknown",
    r"(?:invalid|inactive|bad) (?:e-?mail )?address",
    r"(?:address|recipient) (?:is )?(?:rejected|invalid|not valid)",
    r"(?:mail ?box|account) (?:is )?(?:unavailable|invalid|not (?:available|present))|user name is unknown|"
    r"recipient not ok|"
    r"can't accept user|no mail ?box\b|does ?n[o']t exist|not deliverable|not a (?:deliverable|valid mail)|"
    r"recipient cannot be verified",
)
"""Words that also come from filters, which say so after they saw the text."""
