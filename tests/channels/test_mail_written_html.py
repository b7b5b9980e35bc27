"""Only what the person wrote now, of mails that came as HTML alone: through `html`, as the engine gets them."""

from __future__ import annotations

import pytest

from channels.mail.html import text_of
from channels.mail.written import written_now

ANSWERS = {
    "Gmail": (
        '<div dir="ltr">Yes please.</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">'
        'On Wed, Jan 1, 2020 at 10:00 AM Ann &lt;<a href="mailto:a@b.c">a@b.c</a>&gt; wrote:<br></div>'
        '<blockquote class="gmail_quote" style="margin:0"><div>Hello</div></blockquote></div>'
    ),
    "Gmail in Chinese with a signature": (
        '<div dir="ltr">Yes please.<br clear="all"><div><br></div><span class="gmail_signature_prefix">-- '
        '</span><br><div dir="ltr" class="gmail_signature">Bob<br>CEO</div></div><br>'
        '<div class="gmail_quote"><div class="gmail_attr">'
        "Ann &lt;a@b.c&gt; 于2020年1月1日周三 上午10:00写道：<br></div><blockquote>Hello</blockquote></div>"
    ),
    "Outlook in Chinese": (
        "<div class=WordSection1><p class=MsoNormal>Yes please.<o:p></o:p></p><p class=MsoNormal>&nbsp;</p>"
        '<div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0in 0in 0in">'
        "<p class=MsoNormal><b>发件人:</b> Ann &lt;a@b.c&gt; <br><b>发送时间:</b> 2020年1月1日 10:00<br><b>"
        "收件人:</b> Bob<br><b>主题:</b> Order</p></div></div><p>Hello</p></div>"
    ),
    "Outlook on the web": (
        '<div>Yes please.</div><div id="appendonsend"></div><hr style="display:inline-block;width:98%">'
        '<div id="divRplyFwdMsg"><b>From:</b> Ann &lt;a@b.c&gt;<br><b>Sent:</b> Wednesday, January 1, 2020'
        "<br><b>To:</b> Bob<br><b>Subject:</b> x</div><div>Hello</div>"
    ),
    "Apple Mail": (
        '<html><body>Yes please.<br><div><br><blockquote type="cite"><div>'
        "On 1 Jan 2020, at 10:00, Ann &lt;a@b.c&gt; wrote:</div><br><div>Hello</div></blockquote></div>"
        "</body></html>"
    ),
    "an iPhone in Chinese": (
        '<html><body dir="auto">Yes please.<div><br><div dir="ltr">发自我的iPhone</div><div dir="ltr"><br>'
        '<blockquote type="cite">在 2020年1月1日，10:00，Ann &lt;a@b.c&gt; 写道：<br><br></blockquote></div>'
        '<blockquote type="cite"><div>Hello</div></blockquote></div></body></html>'
    ),
    "QQ Mail": (
        '<div>Yes please.</div><div><br></div><div><includetail><div style="font-size:12px;">'
        "------------------&nbsp;原始邮件&nbsp;------------------</div>"
        '<div style="font-size: 12px;background:#efefef;padding:8px;"><div><b>发件人:</b>'
        '&nbsp;"Ann"&lt;a@b.c&gt;;</div><div><b>发送时间:</b>&nbsp;2020年1月1日(星期三) 上午10:00</div><div>'
        '<b>收件人:</b>&nbsp;"Bob"&lt;b@b.c&gt;;</div><div><b>主题:</b>&nbsp;x</div></div><div>Hello</div>'
        "</includetail></div>"
    ),
    "163": (
        '<div style="line-height:1.7">Yes please.</div><br><br><br><p>'
        '在 2020-01-01 10:00:00，"Ann" &lt;a@b.c&gt; 写道：</p><blockquote id="isReplyContent"><div>Hello'
        "</div></blockquote>"
    ),
    "Foxmail": (
        '<div>Yes please.</div><hr color="#b5c4df" size="1" align="left"><div>bob@x.com</div>'
        '<blockquote style="margin-left:0.5em"><div>&nbsp;</div>'
        '<div style="border:none;border-top:solid #B5C4DF 1.0pt"><div style="background:#efefef"><div><b>'
        "发件人：</b>&nbsp;Ann</div><div><b>发送时间：</b>&nbsp;2020-01-01&nbsp;10:00</div><div><b>收件人："
        "</b>&nbsp;Bob</div><div><b>主题：</b>&nbsp;x</div></div></div><div>Hello</div></blockquote>"
    ),
    "Yahoo": (
        '<div>Yes please.</div><div id="yahoo_quoted_1" class="yahoo_quoted"><div><div>'
        "On Wednesday, January 1, 2020, 10:00:00 AM GMT+8, Ann &lt;a@b.c&gt; wrote: </div><div><br></div>"
        "<div>Hello</div></div></div>"
    ),
    "Thunderbird": (
        '<p>Yes please.</p><div class="moz-cite-prefix">On 1/1/20 10:00, Ann wrote:<br></div>'
        '<blockquote type="cite" cite="mid:x"><div>Hello</div></blockquote><pre class="moz-signature">-- \nBob'
        "</pre>"
    ),
    "NetEase's app": (
        '<div>Yes please.</div><div class="ntes-mailmaster-quote"><div>---- 回复的原邮件 ----</div><table>'
        "<tr><td>发件人</td><td>Ann&lt;a@b.c&gt;</td></tr><tr><td>日期</td><td>2020年01月01日 10:00</td></tr>"
        "<tr><td>收件人</td><td>Bob</td></tr><tr><td>主题</td><td>x</td></tr></table><div>Hello</div></div>"
    ),
    "Naver": (
        '<div>Yes please.</div><p>-----Original Message-----<br><b>From:</b> "Ann"&lt;a@b.c&gt;<br><b>To:</b>'
        ' "Bob"<br><b>Cc:</b> <br><b>Sent:</b> 2020-01-01 (수) 10:00:00 (GMT+09:00)<br><b>Subject:</b> x</p>'
        "<p>Hello</p>"
    ),
    "Proton": (
        '<div>Yes please.</div><div class="protonmail_signature_block"><div>Sent with '
        '<a href="https://proton.me/">Proton Mail</a> secure email.</div></div><div class="protonmail_quote">'
        'On Wednesday, January 1st, 2020 at 10:00 AM, Ann &lt;a@b.c&gt; wrote:<br><blockquote type="cite">'
        "Hello</blockquote></div>"
    ),
}


@pytest.mark.parametrize("program", ANSWERS)
def test_the_answer_is_found_in_the_html_of(program: str) -> None:
    assert written_now(text_of(ANSWERS[program])).reply == "Yes please."
