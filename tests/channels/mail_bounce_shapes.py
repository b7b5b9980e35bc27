"""Reports of mail systems that keep to no standard, in the shapes that they are known to write."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """One report, and what it says: (recipient, kind, reason) of each."""

    name: str
    sender: str
    subject: str
    body: str
    expected: tuple[tuple[str, str, str], ...]
    headers: str = ""
    content_type: str = "text/plain; charset=utf-8"

    @property
    def raw(self) -> bytes:
        head = f"From: {self.sender}\nTo: shop@ours.example\nSubject: {self.subject}\n{self.headers}"
        return f"{head}MIME-Version: 1.0\nContent-Type: {self.content_type}\n\n{self.body}".encode()


COPY = (
    "\nReturn-Path: <shop@ours.example>\nTo: li@shop.example\nMessage-ID: <k1.mac@ours.example>\n"
    "Subject: Order\n\nHello\n"
)
UNKNOWN = (("li@shop.example", "hard", "user_unknown"),)
FULL = (("li@shop.example", "soft", "mailbox_full"),)

SHAPES = (
    Shape(
        name="Lotus Domino",
        sender="postmaster@shop.example",
        subject="DELIVERY FAILURE: User wei (li@shop.example) not listed in Domino Directory",
        body="Your message\n\n  Subject: Order\n\nwas not delivered to:\n\n  li@shop.example\n\nbecause:\n\n"
        "  User wei (li@shop.example) not listed in Domino Directory\n",
        expected=UNKNOWN,
    ),
    Shape(
        name="qmail that gives up on a server at once, because of the host",
        sender="MAILER-DAEMON@mx.example",
        subject="failure notice",
        body="Hi. This is the qmail-send program at mx.example.\nI'm afraid I wasn't able to deliver your message to "
        "the following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n"
        "<li@shop.example>:\n192.0.2.4 does not like recipient.\nRemote host said: 550 5.1.2 Host unknown (Name "
        "server: shop.example: host not found)\nGiving up on 192.0.2.4.\n\n"
        "--- Below this line is a copy of the message.\n" + COPY,
        expected=(("li@shop.example", "hard", "host_unknown"),),
    ),
    Shape(
        name="qmail that gives up on a server at once, in words that filters use as well",
        sender="MAILER-DAEMON@mx.example",
        subject="failure notice",
        body="<li@shop.example>:\n192.0.2.4 does not like recipient.\nRemote host said: 550 Unknown recipient\n"
        "Giving up on 192.0.2.4.\n\n--- Below this line is a copy of the message.\n" + COPY,
        expected=UNKNOWN,
    ),
    Shape(
        name="Lotus Notes",
        sender="Mail Delivery <postmaster@shop.example>",
        subject="Delivery failed: Order",
        body="------- Failure Reasons  --------\n\nUser not listed in public Name & Address Book\nli@shop.example\n\n"
        "------- Returned Message --------\n" + COPY,
        expected=UNKNOWN,
    ),
    Shape(
        name="MailMarshal",
        sender="postmaster@shop.example",
        subject='Undeliverable Mail: "Order"',
        body="Your message:\n   From:    shop@ours.example\n   Subject: Order\n\nCould not be delivered "
        "because of\n\n"
        "550 5.1.1 User unknown\n\nThe following recipients were affected: \n    li@shop.example\n\n"
        "Additional Information\n======================\n",
        expected=UNKNOWN,
    ),
    Shape(
        name="MFILTER",
        sender="mailer-daemon@shop.example",
        subject="failure notice",
        body="this message was refused.\n\n-------transcript of session follows\n-------server message\n"
        "550 5.1.1 unknown user <li@shop.example>\n\n-------original mail info\n" + COPY,
        expected=UNKNOWN,
    ),
    Shape(
        name="Apache James",
        sender="postmaster@shop.example",
        subject="[BOUNCE]",
        headers="Return-Path: <>\n",
        body="Hi. This is the James mail server at shop.example.\n"
        "I'm afraid I wasn't able to deliver your message to the following addresses.\nThis is a permanent error; "
        "I've given up. Sorry it didn't work out.\n\nError message below:\n550 - Requested action not taken: no such "
        "user here\n\nMessage details:\n  Subject: Order\n  Sent date: Thu Apr 29 01:20:50 JST 2010\n  MAIL FROM: "
        "shop@ours.example\n  RCPT TO: li@shop.example\n  From: Shop <shop@ours.example>\n  To: li@shop.example\n",
        expected=UNKNOWN,
    ),
    Shape(
        name="IMail",
        sender="Postmaster <postmaster@shop.example>",
        subject="Undeliverable Mail",
        body="Unknown user: li@shop.example\n\n\n\nOriginal message follows.\n" + COPY,
        expected=UNKNOWN,
    ),
    Shape(
        name="IMail, a full mailbox",
        sender="Postmaster <postmaster@shop.example>",
        subject="Undeliverable Mail",
        body="User mailbox exceeds allowed size: li@shop.example\n\n\n\nOriginal message follows.\n" + COPY,
        expected=FULL,
    ),
    Shape(
        name="NTT docomo",
        sender="Mail Administrator <postmaster@docomo.example>",
        subject="Mail System Error - Returned Mail",
        headers="Return-Path: <>\n",
        body="The following addresses had delivery problems\n\n<li@shop.example>   (unknown user)\n",
        expected=(("li@shop.example", "soft", "filtered"),),
    ),
    Shape(
        name="KDDI au",
        sender="Postmaster@ezweb.example",
        subject="Mail System Error - Returned Mail",
        body="The user(s) account is disabled.\n\n<li@shop.example>\n",
        expected=(("li@shop.example", "soft", "suspended"),),
    ),
    Shape(
        name="KDDI au, refused by the phone's server",
        sender="Postmaster@ezweb.example",
        subject="Mail System Error - Returned Mail",
        body="Each of the following recipients was rejected by a remote mail server.\n\n    Recipient: "
        "<li@shop.example>\n"
        "    >>> RCPT TO:<li@shop.example>\n    <<< 550 <li@shop.example>: User unknown\n",
        expected=UNKNOWN,
    ),
    Shape(
        name="MailFoundry",
        sender="MAILER-DAEMON@shop.example",
        subject="Message delivery has failed",
        body="Unable to deliver message to: <li@shop.example>\nDelivery failed for the following reason:\nServer "
        "mx.shop.example[192.0.2.222] failed with: 550 5.1.1 <li@shop.example>... No such user here\n\nThis "
        "has been a "
        "permanent failure.  No further delivery attempts will be made.\n",
        expected=UNKNOWN,
    ),
    Shape(
        name="Activehunter",
        sender='"MAILER-DAEMON" <MAILER-DAEMON@shop.example>',
        subject="FAILURE NOTICE :",
        body="  ----- The following addresses had permanent fatal errors -----\n\n>>> li@shop.example "
        "<li@shop.example>\n\n"
        "  ----- Transcript of session follows -----\n550 sorry, no mailbox here by that name (#5.1.1 - chkusr)\n\n"
        "  ----- Original message follows -----\n" + COPY,
        expected=UNKNOWN,
    ),
    Shape(
        name="Sendmail without a report",
        sender="Mail Delivery Subsystem <MAILER-DAEMON@shop.example>",
        subject="Returned mail: User unknown",
        body="The original message was received at Thu, 29 Apr 2010 23:34:45 +0900\nfrom localhost\n\n   ----- The "
        "following addresses had delivery problems -----\n<li@shop.example>  (unrecoverable "
        "error)\n<wu@shop.example>  "
        "(unrecoverable error)\n\n   ----- Transcript of session follows -----\n... while talking to "
        "mx.shop.example.:\n"
        ">>> RCPT To:<li@shop.example>\n<<< 550 5.1.1 <li@shop.example>... User unknown\n>>> RCPT "
        "To:<wu@shop.example>\n"
        "<<< 552 5.2.2 <wu@shop.example>... Mailbox full\n\n   ----- Original message follows -----\n" + COPY,
        expected=(*UNKNOWN, ("wu@shop.example", "soft", "mailbox_full")),
    ),
    Shape(
        name="Exim, a mailbox of its own",
        sender="Mail Delivery System <Mailer-Daemon@shop.example>",
        subject="Mail delivery failed: returning message to sender",
        headers="X-Failed-Recipients: li@shop.example,\n wu@shop.example\n",
        body="This message was created automatically by mail delivery software.\n\nA message that you sent "
        "could not be "
        "delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) "
        "failed:\n\n"
        "  li@shop.example\n    Unknown local part li in <li@shop.example>\n  wu@shop.example\n    mailbox is "
        "full: retry "
        "timeout exceeded\n\n------ This is a copy of the message, including all the headers. ------\n" + COPY,
        expected=(*UNKNOWN, ("wu@shop.example", "soft", "mailbox_full")),
    ),
    Shape(
        name="Exim, no such domain",
        sender="Mail Delivery System <Mailer-Daemon@ours.example>",
        subject="Mail delivery failed: returning message to sender",
        body="This message was created automatically by mail delivery software.\n\nThe following address(es) "
        "failed:\n\n"
        "  li@shop.example\n    all relevant MX records point to non-existent hosts\n\n"
        "------ This is a copy of the message, including all the headers. ------\n" + COPY,
        expected=(("li@shop.example", "hard", "host_unknown"),),
    ),
    Shape(
        name="Gmail, refused at the recipient",
        sender="Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
        subject="Delivery Status Notification (Failure)",
        body="Delivery to the following recipient failed permanently:\n\n     li@shop.example\n\nTechnical "
        "details of "
        "permanent failure:\nGoogle tried to deliver your message, but it was rejected by the recipient domain. We "
        "recommend contacting the other email provider for further information about the cause of this error. "
        "The error "
        "that the other server returned was: 550 550 Unknown user li@shop.example (state 14).\n\n----- "
        "Original message "
        "-----\n" + COPY,
        expected=UNKNOWN,
    ),
    Shape(
        name="Gmail, refused after the text",
        sender="Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
        subject="Delivery Status Notification (Failure)",
        body="Delivery to the following recipient failed permanently:\n\n     li@shop.example\n\nTechnical "
        "details of "
        "permanent failure:\nGoogle tried to deliver your message, but it was rejected by the recipient "
        "domain. The error "
        "that the other server returned was: 550 550 Unknown user li@shop.example (state 18).\n\n----- "
        "Original message "
        "-----\n" + COPY,
        expected=(("li@shop.example", "soft", "filtered"),),
    ),
    Shape(
        name="Yahoo",
        sender="MAILER-DAEMON@yahoo.example",
        subject="Failure Notice",
        body="Sorry, we were unable to deliver your message to the following "
        "address.\n\n<li@shop.example>:\nRemote host "
        "said: 554 delivery error: dd This user doesn't have a shop.example account (li@shop.example) [0] - "
        "mta1.shop.example"
        " [BODY]\n\n--- Below this line is a copy of the message.\n" + COPY,
        expected=UNKNOWN,
    ),
    Shape(
        name="Yandex",
        sender="mailer-daemon@yandex.example",
        subject="Недоставленное сообщение",
        body="This is the mail system at host mxback1.mail.yandex.example.\n\nI'm sorry to have to inform you "
        "that your "
        "message could not\nbe delivered to one or more recipients. It's attached below.\n\nPlease, do not "
        "reply to this "
        "message.\n\n<li@shop.example>: host mx.shop.example[192.0.2.1] said: 550 5.7.1 No such user! (in "
        "reply to RCPT TO "
        "command)\n",
        expected=UNKNOWN,
    ),
    Shape(
        name="Exchange Online, the directory's answer",
        sender="Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@ours.example>",
        subject="Undeliverable: Order",
        body="Delivery has failed to these recipients or "
        "groups:\n\nli@shop.example<mailto:li@shop.example>\nThe email "
        "address you entered couldn't be found.\n\nDiagnostic information for administrators:\n\nGenerating server: "
        "mx.ours.example\n\nli@shop.example\nRemote Server returned '550 5.1.10 "
        "RESOLVER.ADR.RecipientNotFound; Recipient "
        "not found by SMTP address lookup'\n\nOriginal message headers:\n" + COPY,
        expected=UNKNOWN,
    ),
    Shape(
        name="QQ Mail",
        sender='"PostMaster@qq.example" <PostMaster@qq.example>',
        subject="来自qq.example的退信",
        body="发件人（shop@ours.example）您好：\n抱歉，您的邮件被退回来了……\n\n原邮件信息：\n时间：2024-01-01\n主题：Order\n"
        "收件人：li@shop.example\n\n退信原因：\n收件人邮件地址（li@shop.example）不存在，邮件无法送达。\nhost "
        "mx.shop.example[192.0.2.1] said: 550 5.1.1 Mailbox not found (in reply to RCPT TO command)\n",
        expected=UNKNOWN,
    ),
    Shape(
        name="163",
        sender="Postmaster@163.example",
        subject="系统退信",
        body="抱歉，您的邮件被退回来了……\n\n原邮件信息：\n时  间：2024-01-01 08:00:00\n主  "
        "题：Order\n收件人：li@shop.example\n\n"
        "退信原因：\n收件人邮箱已满，请稍后再试。\n英文说明:552 Mailbox storage full\n",
        expected=FULL,
    ),
    Shape(
        name="Alibaba",
        sender="MAILER-DAEMON@aliyun.example",
        subject="系统退信/Systems bounce",
        body="您发送的邮件投递失败。\n\n收件人: li@shop.example\n退信原因: 收件人不存在(user not found)\n建议: "
        "请检查收件人地址是否正确\n",
        expected=UNKNOWN,
    ),
    Shape(
        name="Chinese filter",
        sender="postmaster@corp.example",
        subject="邮件投递失败通知",
        body="您发给 <li@shop.example> 的邮件被拒收：554 疑似垃圾邮件 (HL:ITC)\n",
        expected=(("li@shop.example", "soft", "spam"),),
    ),
    Shape(
        name="Kundenserver",
        sender="Mail Delivery System <mailer-daemon@kundenserver.example>",
        subject="Mail delivery failed: returning message to sender",
        body="This message was created automatically by mail delivery software.\n\nA message that you sent "
        "could not be "
        "delivered to one or more of its recipients.\nThe following addresses failed:\n\n  "
        "<li@shop.example>\n\nhost: "
        "mx.shop.example[192.0.2.3]:\n550 5.1.1 unknown recipient rejected\n\n--- The header of the original "
        "message is "
        "following. ---\n" + COPY,
        expected=UNKNOWN,
    ),
    Shape(
        name="Trend Micro",
        sender="Mail System <postmaster@shop.example>",
        subject="Mail delivery failed",
        body="Message Delivery Failure\n\nSent <<< RCPT TO:<li@shop.example>\nReceived >>> 550 5.1.1 "
        "<li@shop.example>... user "
        "unknown\n\nUnable to deliver message to <li@shop.example>\n\n************************** Message Header\n"
        + COPY,
        expected=UNKNOWN,
    ),
    Shape(
        name="Barracuda",
        sender="Mail Delivery System <MAILER-DAEMON@barracuda.example>",
        subject="**Message you sent blocked by our bulk email filter**",
        body="Your message to: li@shop.example\nwas blocked by our Spam Firewall. The email you sent with the "
        "following "
        "subject has NOT BEEN DELIVERED:\n\nSubject: Order\n",
        expected=(("li@shop.example", "soft", "blocked"),),
    ),
    Shape(
        name="Postfix warns",
        sender="Mail Delivery System <MAILER-DAEMON@ours.example>",
        subject="Delayed Mail (still being retried)",
        body="This is the mail system at host ours.example.\n\n# THIS IS A WARNING ONLY.  YOU DO NOT NEED TO "
        "RESEND YOUR "
        "MESSAGE. #\n\nYour message could not be delivered for more than 4 hour(s).\nIt will be retried until "
        "it is 5 "
        "day(s) old.\n\n<li@shop.example>: host mx.shop.example[192.0.2.2] said: 450 4.1.1 <li@shop.example>: "
        "Recipient "
        "address rejected: User unknown (in reply to RCPT TO command)\n",
        expected=(("li@shop.example", "soft", "user_unknown"),),
    ),
    Shape(
        name="a sender that is not believed",
        sender="Mail Delivery System <MAILER-DAEMON@ours.example>",
        subject="Undelivered Mail Returned to Sender",
        body="<li@shop.example>: host mx.shop.example[192.0.2.2] said: 550-Verification failed for "
        "<shop@ours.example> "
        "550-No Such User Here 550 Sender verify failed (in reply to RCPT TO command)\n",
        expected=(("li@shop.example", "soft", "sender_rejected"),),
    ),
    Shape(
        name="greylisted for days",
        sender="Mail Delivery System <MAILER-DAEMON@ours.example>",
        subject="Undelivered Mail Returned to Sender",
        body="<li@shop.example>: host mx.shop.example[192.0.2.2] said: 450 4.7.1 <li@shop.example>: Recipient "
        "address "
        "rejected: Greylisted, see http://postgrey.example/ (in reply to RCPT TO command)\n",
        expected=(("li@shop.example", "soft", "greylisted"),),
    ),
    Shape(
        name="a domain that takes no mail",
        sender="Mail Delivery System <MAILER-DAEMON@ours.example>",
        subject="Undelivered Mail Returned to Sender",
        body="<li@shop.example>: Domain shop.example does not accept mail (nullMX)\n",
        expected=(("li@shop.example", "hard", "no_mail_here"),),
    ),
    Shape(
        name="a German reader's server",
        sender="Mailer-Daemon@shop.example",
        subject="Unzustellbar: Order",
        body="Ihre Nachricht konnte nicht zugestellt werden:\n\nli@shop.example: Der Empfänger existiert nicht.\n",
        expected=UNKNOWN,
    ),
    Shape(
        name="a list that takes mail of members only",
        sender="Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
        subject="Delivery Status Notification (Failure)",
        headers="X-Failed-Recipients: friends@shop.example\n",
        body="Hello shop@ours.example,\n\nWe're writing to let you know that the group you tried to contact "
        "(friends) may not "
        "exist, or you may not have permission to post messages to the group.\n\nIf you have questions, visit "
        "the Help "
        "Center at https://groups.google.com/support/.\n",
        expected=(("friends@shop.example", "soft", "sender_rejected"),),
    ),
)
