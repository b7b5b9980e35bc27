"""Search: what was said is found in Chinese and English, on both databases alike."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, delete, update

from storage import search, search_upkeep
from storage.contacts import Address, Contact
from storage.database import synchronous_engine
from storage.interactions import Interaction, InteractionKind
from storage.search import Clause, Kind
from storage.search_words import Term
from tests.storage.shelf import Shelf


@pytest.fixture
def shelf(migrated_url: str) -> Iterator[Shelf]:
    engine = synchronous_engine(migrated_url)
    yield Shelf(engine)
    engine.dispose()


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("我要退款，谢谢", "退款"),
        ("我要退款，谢谢", "退"),
        ("我要退款，谢谢", "谢"),
        ("我要退款，谢谢", "要退款"),
        ("我要退款，谢谢", "我要退款，谢谢"),
        ("退", "退"),
        ("我要退款", "款"),
        ("我要退貨，謝謝", "退货"),
        ("我要退货，谢谢", "退貨"),
        ("發票還沒收到", "发票"),
        ("臺北的門市", "台北"),
        ("套餐是5G的", "5G"),
        ("套餐是5G的", "5g的"),
        ("用iPhone15打不开", "iphone15"),
        ("用iPhone15打不开", "iPhone15打不开"),
        ("买 iPhone", "买"),
        ("I bought a kettle", "a"),
        ("I bought a kettle", "ket"),
        ("I bought a kettle", "KETTLE"),
        ("Señor Müller wohnt in Köln", "muller"),
        ("Senor Muller", "Müller"),
        ("ＡＢＣ１２３ 全角", "abc123"),
        ("order AB-1042, please", "AB-1042"),
        ("order AB-1042, please", "1042"),
        ("write to ann@shop.example", "ann@shop.example"),
        ("don't you see?", "don't"),
        ("𠮷野家的𠮷", "𠮷野"),
        ("カタカナのテスト", "カタ"),
        ("주문을 취소해 주세요", "주문"),
        ("Где мой заказ?", "заказ"),
    ],
)
def test_what_was_said_is_found(shelf: Shelf, said: str, asked: str) -> None:
    shelf.says("something else altogether 别的事情", said, "bonjour 早上好")
    shelf.index()
    assert shelf.finds(asked) == [said]


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("款退了吗", "退款"),  # the two characters, the other way round
        ("我要退货并取回货款", "退款"),
        ("I bought kettles", "a"),
        ("a kettle", "ke"),  # the beginning of a word wants three letters
        ("AB 7 and 1042", "AB-1042"),
        ("退。款", "退款"),
        ("_c letters", "cletters"),  # nobody reaches the marks by typing them
    ],
)
def test_what_was_not_said_is_not_found(shelf: Shelf, said: str, asked: str) -> None:
    shelf.says(said)
    shelf.index()
    assert shelf.finds(asked) == []


def test_all_words_must_be_there_and_none_that_must_not(shelf: Shelf) -> None:
    shelf.says("refund for the kettle", "refund for the lamp", "退款 refund", "the kettle leaks")
    shelf.index()
    assert shelf.finds("refund", "kettle") == ["refund for the kettle"]
    assert shelf.finds("refund", "-kettle") == ["退款 refund", "refund for the lamp"]
    assert shelf.finds("退款", "refund") == ["退款 refund"]
    assert shelf.finds("-kettle") == [], "of what must not be, everything else is too much"


def test_any_of_several_terms_will_do(shelf: Shelf) -> None:
    kettle, lamp, _ = shelf.says("a kettle", "a lamp", "a chair")
    shelf.index()
    either = Clause(terms=(Term(tokens=("kettle",)), Term(tokens=("lam",), begins=True)))
    found = shelf.do(lambda connection: search.find(connection, Kind.INTERACTION, [either], most=9))
    assert found == [lamp, kettle]


def test_the_latest_come_first_page_by_page_over_any_stretch_of_time(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "SLICE", 4)
    monkeypatch.setattr(search, "WIDER", 2)
    monkeypatch.setattr(search, "WIDEST", 4)
    made = shelf.says(*(("the old lamp" if number % 7 else "a rare kettle") for number in range(60)))
    shelf.index()
    for asked in ("lamp", "kettle"):
        every = [row for row in reversed(made) if asked in shelf.texts[row]]
        paged: list[int] = []
        while page := shelf.ids(asked, most=5, before=paged[-1] if paged else None):
            paged += page
        assert paged == every
    some = made[:30:7]
    assert shelf.ids("kettle", among=some) == sorted(some, reverse=True)
    assert shelf.ids("kettle", among=[]) == []


def test_channel_and_author_are_marks_of_their_own(shelf: Shelf) -> None:
    (by_mei,) = shelf.says("hello", author="agent:Mei 王", channel="sms-cn")
    (by_customer,) = shelf.says("hello", channel="mail")
    shelf.index()
    for name, value, row in (("c", "sms-cn", by_mei), ("f", "Mei 王", by_mei), ("f", "customer", by_customer)):
        clauses = [Clause(terms=(Term(tokens=("hello",)),)), Clause(terms=(search.fact(name, value),))]
        assert shelf.do(lambda connection, asked=clauses: search.find(connection, Kind.INTERACTION, asked, most=9)) == [
            row
        ]


def test_names_of_attachments_are_found_and_the_houses_own_news_are_not(shelf: Shelf) -> None:
    (sent,) = shelf.says("", content={"attachments": [{"kind": "file", "name": "发票 2026.pdf"}]})
    shelf.says("Mei took the conversation", kind=InteractionKind.SYSTEM)
    shelf.index()
    assert shelf.ids("发票") == [sent]
    assert shelf.ids("took") == []


def test_contacts_are_found_by_name_number_and_every_part_of_a_phone_number(shelf: Shelf) -> None:
    wang = shelf.contact("王小明", "tel:+8613812345678", "mailto:wang@shop.example", number="K-77")
    shelf.contact("Bob Li", "tel:+447700900123", "telegram:4242")
    shelf.index()
    assert shelf.ids("王小明", kind=Kind.CONTACT) == shelf.ids("K-77", kind=Kind.CONTACT) == [wang]
    assert shelf.ids("明", kind=Kind.CONTACT) == [wang]
    assert shelf.ids("13812345678", kind=Kind.CONTACT) == [], "numbers are found by marks, not by words"

    def private(part: str) -> list[int]:
        asked = [Clause(terms=(Term(tokens=(f"_p{part}",), begins=True),))]
        return shelf.do(lambda connection: search.find(connection, Kind.CONTACT, asked, most=9))

    for part in ("8613812345678", "13812345678", "5678", "1381", "2345", "wang", "shop"):
        assert private(part) == [wang], part


def test_cases_are_found_by_number_subject_and_what_happened_but_not_by_how_to_reach_them(shelf: Shelf) -> None:
    case = shelf.case("C-1042", "水壶漏水", order="SL20260012", what="the kettle leaks", reach="13812345678")
    shelf.case("C-1043", "late parcel")
    shelf.index()
    for asked in ("C-1042", "漏水", "SL20260012", "leak"):
        assert shelf.ids(asked, kind=Kind.CASE) == [case]
    assert shelf.ids("13812345678", kind=Kind.CASE) == []


def test_whatever_changes_is_found_as_it_is_now(shelf: Shelf) -> None:
    (row,) = shelf.says("the kettle")
    ann = shelf.contact("Ann Lee")
    shelf.index()
    shelf.do(lambda connection: connection.execute(update(Interaction).values(text="the lamp")))
    shelf.do(lambda connection: connection.execute(update(Contact).where(Contact.id == ann).values(name="Ann Wu")))
    shelf.index()
    assert (shelf.ids("kettle"), shelf.ids("lamp")) == ([], [row])
    assert (shelf.ids("lee", kind=Kind.CONTACT), shelf.ids("ann wu", kind=Kind.CONTACT)) == ([], [ann])
    shelf.do(lambda connection: connection.execute(delete(Interaction)))
    shelf.index()
    assert shelf.ids("lamp") == []


def test_an_address_that_moves_to_another_contact_is_found_there(shelf: Shelf) -> None:
    one, other = shelf.contact("One", "telegram:4242"), shelf.contact("Other")
    shelf.index()
    assert shelf.ids("4242", kind=Kind.CONTACT) == [one]
    shelf.do(lambda connection: connection.execute(update(Address).values(contact_id=other)))
    assert shelf.index() == 2
    assert shelf.ids("4242", kind=Kind.CONTACT) == [other]


def test_what_cannot_be_found_anew_is_not_written_anew(shelf: Shelf) -> None:
    shelf.says("the kettle")
    shelf.index()
    shelf.do(lambda connection: connection.execute(update(Interaction).values(text="the kettle", content={"a": 1})))
    shelf.do(lambda connection: connection.execute(update(Contact).values(language="en")))
    assert shelf.index() == 0


def test_somebodys_words_are_gone_at_once(shelf: Shelf) -> None:
    row, kept = shelf.says("my secret kettle", "another kettle")
    shelf.index()

    def erase(connection: Connection) -> None:
        connection.execute(update(Interaction).where(Interaction.id == row).values(text=""))
        search_upkeep.forget(connection, Kind.INTERACTION, [row])

    shelf.do(erase)
    assert shelf.ids("kettle") == [kept]
    shelf.index()
    assert shelf.ids("kettle") == [kept]
