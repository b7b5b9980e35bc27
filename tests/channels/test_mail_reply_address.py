"""A signed reply address proves its conversation, however mail systems treat it, and nothing else proves any."""

from __future__ import annotations

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from channels.mail.reply_address import HEADER, LOCAL_PART, SIGNATURE, ReplyAddresses

OURS = ReplyAddresses("Support@Shop.example", b"a secret of the house")
THREAD = "k3vq7d2mzx5a"


def test_an_answer_to_our_address_names_its_conversation() -> None:
    address = OURS.address(THREAD)
    assert address is not None
    assert address.startswith(f"Support+{THREAD}.")
    assert OURS.thread_in(["colleague@shop.example", address]) == THREAD


def test_a_system_that_folds_the_case_breaks_nothing() -> None:
    address = OURS.address(THREAD)
    assert address is not None
    assert OURS.thread_in([address.upper()]) == THREAD
    assert OURS.thread_in([f" {address.lower()} "]) == THREAD


def test_the_header_proves_the_same_as_the_address() -> None:
    assert HEADER == "X-Rapport-Thread"
    assert OURS.thread_in([], [OURS.token(THREAD)]) == THREAD
    assert OURS.thread_in(["someone@else.example"], ["", "nonsense", OURS.token(THREAD)]) == THREAD


@pytest.mark.parametrize(
    "spoofed",
    [
        "support@shop.example",
        f"support+{THREAD}@shop.example",
        f"support+{THREAD}.@shop.example",
        f"support+{THREAD}.{'a' * SIGNATURE}@shop.example",
        f"sales+{OURS.token(THREAD)}@shop.example",
        f"support+{OURS.token(THREAD)}@other.example",
        f"support+{OURS.token(THREAD)[:-1]}@shop.example",
        f"support+other{OURS.token(THREAD)}@shop.example",
        f"support+{OURS.token(THREAD)}.{OURS.token('other')}@shop.example",
        f"support+{ReplyAddresses('support@shop.example', b'another secret').token(THREAD)}@shop.example",
        f"support+{ReplyAddresses('sales@shop.example', b'a secret of the house').token(THREAD)}@shop.example",
    ],
)
def test_a_spoofed_reply_address_proves_nothing(spoofed: str) -> None:
    assert OURS.thread_in([spoofed]) is None


@for_all(st.text(min_size=1))
def test_every_name_of_a_conversation_comes_back_as_it_was(thread: str) -> None:
    sound = thread.encode("utf-8", "replace").decode()
    assert OURS.thread_in([], [OURS.token(thread).upper()]) == sound
    address = OURS.address(thread)
    assert address is None or OURS.thread_in([address]) == sound


@for_all(st.text(), st.text())
def test_whatever_a_mail_says_reading_it_never_fails(address: str, header: str) -> None:
    assert OURS.thread_in([address], [header]) is None


def test_a_name_too_long_for_an_address_travels_in_the_header_alone() -> None:
    long = "CAF+gR=8Jk2w@mail.example.com-and-more"
    assert OURS.address(long) is None
    assert OURS.thread_in([], [OURS.token(long)]) == long
    short = OURS.address(THREAD)
    assert short is not None
    assert len(short.rpartition("@")[0]) <= LOCAL_PART
