"""Only what the person wrote now, whatever program and language they wrote it in."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.mail.written import Written, written_now
from tests.channels.mail_clients import ATTRIBUTIONS, BOUNDARIES, DEVICE_LINES, FORWARDS, HEADS, OWN_WORDS

THANKS = "Thank you very much."
EARLIER = "Hello Bob,\n\nyour order is here.\n\nAnn"
QUOTED = "> Hello Bob,\n>\n> your order is here.\n>\n> Ann"


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
def test_who_wrote_when_is_understood_in_any_language(attribution: str) -> None:
    assert written_now(f"{THANKS}\n\n{attribution}\n\n{QUOTED}\n").reply == THANKS
    assert written_now(f"{THANKS}\n\n{attribution}\n\n{EARLIER}\n").reply == THANKS
    assert written_now(f"{THANKS}\r\n{attribution}\r\n{QUOTED}\r\n").reply == THANKS
    assert written_now(f"{attribution}\n{QUOTED}\n\n{THANKS}\n").reply == THANKS


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
def test_apple_mail_quotes_the_attribution_too(attribution: str) -> None:
    quoted = attribution.replace("\n", "\n> ")

    assert written_now(f"{THANKS}\n\n> {quoted}\n>\n{QUOTED}\n").reply == THANKS
    assert written_now(f"> {quoted}\n>\n{QUOTED}\n").reply == ""
    assert written_now(f"> {quoted}\n>\n{QUOTED}\n\n{THANKS}\n").reply == THANKS


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_below_the_line_between_mails_is_the_earlier_mail(boundary: str) -> None:
    written = written_now(f"{THANKS}\n\n{boundary}\n{EARLIER}\n")

    assert written.reply == THANKS
    assert written.quoted == f"{boundary}\n{EARLIER}"


@pytest.mark.parametrize("boundary", FORWARDS)
def test_a_mail_passed_on_is_kept_apart_from_the_word_above_it(boundary: str) -> None:
    written = written_now(f"Please see below.\n\n{boundary}\n{EARLIER}\n")

    assert written.reply == "Please see below."
    assert written.forwarded == f"{boundary}\n{EARLIER}"


@pytest.mark.parametrize("head", HEADS)
def test_the_head_of_an_earlier_mail_is_understood_in_any_language(head: str) -> None:
    spaced = head.replace("\n", "\n\n")

    assert written_now(f"{THANKS}\n\n{head}\n\n{EARLIER}\n").reply == THANKS
    assert written_now(f"{THANKS}\n\n{'_' * 32}\n{head}\n\n{EARLIER}\n").reply == THANKS
    assert written_now(f"{THANKS}\n{spaced}\n\n{EARLIER}\n").reply == THANKS


@pytest.mark.parametrize("line", DEVICE_LINES)
def test_what_a_phone_adds_is_not_the_persons(line: str) -> None:
    assert written_now(f"{THANKS}\n\n{line}\n") == Written(reply=THANKS, signature=line)
    assert written_now(f"{THANKS}\n{line}\n\n{ATTRIBUTIONS[0]}\n{QUOTED}").reply == THANKS


@pytest.mark.parametrize("own", OWN_WORDS)
def test_a_persons_words_that_look_like_a_programs_stay(own: str) -> None:
    assert written_now(own).reply == own
    assert written_now(f"Hello,\n\n{own}").reply == f"Hello,\n\n{own}"
    assert written_now(f"{own}\n\nThanks").reply == f"{own}\n\nThanks"


def test_an_answer_that_shares_its_line_with_the_attribution_is_kept() -> None:
    written = written_now("Yes, please. On Wed, Jan 1, 2020 at 10:00 AM, ann@example.org wrote:\n> Shall I send it?")

    assert written.reply == "Yes, please."


def test_answers_between_quoted_lines_stay_with_what_they_answer() -> None:
    written = written_now(
        "Hello Ann,\n\nOn 1 Jan 2020, at 10:00, Ann Lee <ann@example.org> wrote:\n"
        "> Which size?\nLarge.\n\n> And which colour?\nBlue.\n\n> Kind regards\n> Ann"
    )

    assert written.reply == "Hello Ann,\n\n> Which size?\nLarge.\n\n> And which colour?\nBlue."
    assert written.quoted.startswith("On 1 Jan 2020")


def test_a_quote_the_mail_program_wrapped_badly_is_one_quote() -> None:
    written = written_now(
        "Yes.\n\nOn 1 Jan 2020, at 10:00, Ann Lee <ann@example.org> wrote:\n"
        "> Please have a look at https://shop.example.org/orders/17?from=mail&with=a-very-long-way\n-of-saying-it\n"
        "> and at this line here, which is so long that the program of the person broke the\nlast word\n> off it."
    )

    assert written.reply == "Yes."


def test_a_mail_passed_on_without_a_word_is_itself_what_is_said() -> None:
    written = written_now(
        "Begin forwarded message:\n\n> From: Ann <ann@example.org>\n> To: Bob\n>\n> Your refund is late."
    )

    assert written.reply.endswith("> Your refund is late.")
    assert written_now(f"{FORWARDS[0]}\n{HEADS[0]}\n\nYour refund is late.").reply == "Your refund is late."


def test_words_right_above_an_attribution_are_not_taken_for_its_beginning() -> None:
    for own in (
        "5 days ago, on 1/2/2020, I sent it back",
        "On 3 Jan 2020 I sent it back",
        "Yours, Bob <bob@example.org>",
    ):
        assert written_now(f"{own}\n{ATTRIBUTIONS[0]}\n{QUOTED}").reply == own


def test_a_name_that_is_wrapped_before_its_address_goes_with_it() -> None:
    assert written_now(f"{THANKS}\n\nAnn Lee\n<ann@example.org> wrote:\n{QUOTED}").reply == THANKS


def test_an_empty_line_inside_an_attribution_is_a_converters() -> None:
    broken = "On Wed, Jan 1, 2020 at 10:00 AM Ann Lee\n\n<\nmailto:ann@example.org\n> wrote:"

    assert written_now(f"{THANKS}\n\n{broken}\n\n{EARLIER}").reply == THANKS


def test_a_mail_of_quote_marks_alone_is_the_persons() -> None:
    assert written_now("> Email with only a quote.").reply == "> Email with only a quote."


def test_a_signature_below_its_mark_is_split_off_and_the_closing_stays() -> None:
    written = written_now("It is broken.\n\nRegards,\nBob\n\n-- \nBob Bell\nBell Ltd, 5 High Street\n+44 20 1234\n")

    assert written.reply == "It is broken.\n\nRegards,\nBob"
    assert written.signature == "-- \nBob Bell\nBell Ltd, 5 High Street\n+44 20 1234"


def test_an_answer_below_a_quote_that_ends_in_a_signature_is_found() -> None:
    written = written_now("> Which size?\n\n-- \nAnn Lee\n")

    assert written.reply == "> Which size?"
    assert written_now("On 1/1/2020 10:00 AM, Ann Lee wrote:\n> Which size?\n\nLarge.\n-- \nBob").reply == "Large."


def test_the_words_below_a_signature_and_a_quote_are_not_lost() -> None:
    written = written_now(f"Hello.\n-- \nBob\n\n{ATTRIBUTIONS[0]}\n{QUOTED}\n\nOne thing more: send two.")

    assert written.reply == "Hello.\n\nOne thing more: send two."


def test_answers_below_a_marked_quote_under_a_head_are_found() -> None:
    mail = f"{BOUNDARIES[0]}\n{HEADS[0]}\n\n> Which size?\n\nLarge."

    assert written_now(mail).reply == "Large."
    assert written_now(mail, is_answer=True).reply == "Large."
    assert written_now(f"Hello,\n{mail}", is_answer=True).reply == "Hello,\n\nLarge."


def test_a_letter_with_dashes_in_it_ends_at_its_signature() -> None:
    letter = "First:\n-----\nI want my money back.\n-----\nSecond:\nI want an answer."

    assert written_now(f"{letter}\n\n-- \nBob").reply == letter


def test_netease_puts_a_table_above_its_line() -> None:
    written = written_now(
        "请尽快退款。\n\n| |\n王小明\n|\n|\nwang@example.org\n|\n签名由网易邮箱大师定制\n"
        "在2020年01月01日 10:00，客服<shop@example.org> 写道：\n您好，订单已发货。"
    )

    assert written.reply == "请尽快退款。"


def test_qq_mail_on_a_phone() -> None:
    written = written_now(
        "收到，谢谢\n\n\n发自我的iPhone\n\n\n------------------ 原始邮件 ------------------\n"
        "发件人: 客服 <shop@example.org>\n发送时间: 2020年1月1日 10:00\n收件人: 王小明 <wang@example.org>\n"
        "主题: 回复：订单\n\n您好"
    )

    assert written.reply == "收到，谢谢"
    assert written.signature == "发自我的iPhone"


def test_a_form_that_begins_like_a_mail_keeps_what_was_filled_in() -> None:
    form = "From: Bob <bob@example.org>\nSubject: Refund\nDate: 1/1/2020\n\nThe box was empty."

    assert written_now(form).reply == "The box was empty."


def test_an_answer_with_nothing_of_the_persons_is_empty_when_the_headers_say_it_is_one() -> None:
    mail = f"{HEADS[0]}\n\nReply STOP to hear no more of us."

    assert written_now(mail, is_answer=True).reply == ""
    assert written_now(f"Sent from my iPhone\n\n{BOUNDARIES[0]}\n{mail}", is_answer=True).reply == ""


def test_a_help_desks_line_ends_the_answer() -> None:
    assert written_now(f"Yes.\n\n##- Please type your reply above this line -##\n\n{EARLIER}").reply == "Yes."


def test_code_between_fences_says_nothing_about_the_mail() -> None:
    code = "It fails:\n\n```\nFrom: a@example.org\nTo: b@example.org\nSubject: x\n--\nsent from my iPhone\n```\n\nWhy?"

    assert written_now(code).reply == code


PIECES = st.sampled_from(
    [
        *ATTRIBUTIONS[::7],
        *HEADS[::5],
        *BOUNDARIES[::9],
        *DEVICE_LINES[::9],
        *OWN_WORDS[::5],
        *(
            "",
            "-- ",
            "-----",
            "___",
            ">",
            "> a",
            ">> b",
            "|",
            "```",
            ":",
            "：",
            "From:",
            "On 1",
            "wrote:",
            "\r",
            "\u2028",
        ),
    ]
)


@settings(max_examples=300)
@given(
    st.one_of(st.text(), st.lists(st.one_of(PIECES, st.text(max_size=20)), max_size=30).map("\n".join)), st.booleans()
)
def test_any_text_is_divided_without_loss(text: str, is_answer: bool) -> None:
    written = written_now(text, is_answer=is_answer)

    parts = (written.reply, written.quoted, written.signature, written.forwarded)
    assert sorted("".join("".join(part.split()) for part in parts)) == sorted("".join(text.split()))


@settings(max_examples=100)
@given(st.lists(st.text(alphabet="abc xyz,.?", min_size=1, max_size=60), min_size=1, max_size=20).map("\n".join))
def test_plain_words_are_never_taken_away(text: str) -> None:
    assert "".join(written_now(text).reply.split()) == "".join(text.split())
