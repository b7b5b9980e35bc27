"""Searching in the console: found by anybody who talks with customers, and safe from what customers write."""

from __future__ import annotations

import re
from urllib.parse import quote

from sqlalchemy import insert, update

from desk import conversations
from nlu.chinese import simplified
from storage.commits import Transaction
from storage.contacts import Address, Contact
from storage.conversations import Conversation, ConversationState
from storage.search_upkeep import index_some
from tests.web.console.people import Console, Person, Seen

PHONE = "tel:+8613812345678"
HTMX = {"HX-Request": "true"}


async def index(console: Console) -> None:
    while await console.house.do(lambda transaction: index_some(transaction.connection, folding=simplified())):
        pass


async def search(person: Person, query: str, more: str = "", **headers: str) -> Seen:
    return await person.get(f"/console/search?q={quote(query)}{more}", **headers)


async def somebody_with_a_phone(console: Console) -> None:
    await console.house.write("hello, where is my kettle?")

    def know(transaction: Transaction) -> None:
        transaction.connection.execute(update(Contact).values(name="王小明"))
        known = {"contact_id": 1, "uri": PHONE, "created_at": transaction.now}
        transaction.connection.execute(insert(Address), known)

    await console.house.do(know)


async def test_people_cases_and_conversations_are_found_together(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    await console.house.write("我要退款，水壺壞了")
    await index(console)
    page = await search(ben, "水壶")
    assert page.status == 200
    assert "我要退款，<mark>水壺</mark>壞了" in page.html
    assert 'href="/console/conversations/1#line-' in page.html
    assert "Nothing was found." in (await search(ben, "冰箱")).words


async def test_the_search_says_how_it_is_used_and_what_is_missing(console: Console) -> None:
    ben, mei = await console.staff("Ben", "agent"), await console.staff("Mei", "agent", language="zh-Hans")
    assert "refund -kettle" in (await ben.get("/console/search")).words
    assert "渠道:sms" in (await mei.get("/console/search")).words
    assert "Type at least one word" in (await search(ben, "-kettle ,")).words
    wrong = await search(ben, "kettle before:tomorrow")
    assert wrong.status == 422
    assert "2026-11-01" in wrong.words
    assert (await search(ben, "x is:green")).status == 422


COMMANDS = (
    *('"', "'", "*", "a OR b", "NEAR(a b)", "^a", "words:a", "a & | ! <->", "\\", "%", "\0", "-", "()"),
    *(
        "🙂",
        "𠮷",
        "a" * 600,
        "is:",
        "before:2026-02-30",
        "case:",
        'channel:""',
        "from:'; DROP TABLE contacts",
        "a\0b",
        "case:\0",
        "from:a\0b",
    ),
)


async def test_nothing_that_is_typed_is_a_command(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    await console.house.write("hello there")
    await index(console)
    for query in COMMANDS:
        assert (await search(ben, query)).status in (200, 422), query
        assert (await search(ben, f"hello {query}")).status in (200, 422), query


async def test_whatever_a_customer_writes_stays_text_and_what_is_typed_does_too(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    nasty = '<script>alert("kettle")</script><img src=x onerror=alert(2)>&amp;'
    await console.house.write(nasty)
    await index(console)
    for query in ("kettle", "alert", "amp", nasty, '"><script>alert(1)</script>'):
        for headers in ({}, HTMX):
            html = (await search(ben, query, **headers)).html
            assert "<script>alert" not in html
            assert "<img src=x" not in html
    assert "&lt;script&gt;alert(&#34;<mark>kettle</mark>&#34;)" in (await search(ben, "kettle")).html


async def test_a_whole_number_finds_somebody_whose_number_is_shown_masked(console: Console) -> None:
    await somebody_with_a_phone(console)
    await index(console)
    ben, sue = await console.staff("Ben", "agent"), await console.staff("Sue", "supervisor")
    for whole in ("13812345678", "+8613812345678", "0086 138 1234 5678", "+86 (138) 1234-5678", PHONE):
        page = await search(ben, whole)
        assert "王小明" in page.words, whole
        assert "12345678" not in page.html.replace(quote(whole), "").replace(whole, ""), "only what was typed"
    for part in ("138123", "5678", "1381234567", "12345678", "tel:+86138"):
        assert "王小明" not in (await search(ben, part)).words, f"{part} would be a way to guess"
    assert "王小明" in (await search(sue, "5678")).words
    assert "+8613812345678" not in (await search(sue, "5678")).html, "looking for somebody is no look into their data"


async def test_spam_is_left_out_unless_it_is_asked_for(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    await console.house.write("buy cheap kettles")
    await index(console)

    def mark_as_spam(transaction: Transaction) -> None:
        transaction.connection.execute(update(Conversation).values(state=ConversationState.SPAM))

    await console.house.do(mark_as_spam)
    left_out = await search(ben, "kettles")
    assert "cheap" not in left_out.words
    assert "state=spam" in left_out.html
    assert "cheap" in (await search(ben, "kettles", "&state=spam")).words
    assert "cheap" in (await search(ben, "kettles is:spam")).words


async def test_pages_go_on_where_the_last_one_ended(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    for number in range(23):
        await console.house.write("kettle", sender=f"customer{number}")
    await index(console)
    first = await search(ben, "kettle")
    more = re.search(r'hx-get="(/console/search[^"]+)"[^>]*hx-swap="outerHTML"', first.html)
    assert more is not None
    second = await ben.get(more.group(1).replace("&amp;", "&"), **HTMX)
    assert "<html" not in second.html
    talks = [re.findall(r"conversations/(\d+)#", page.html) for page in (first, second)]
    assert [len(page) for page in talks] == [20, 3]
    assert [int(each) for page in talks for each in page] == list(range(23, 0, -1))


async def test_the_forms_fields_are_conditions(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    await console.house.write("kettle")
    await console.house.do(conversations.take, conversation=1, by="Ben")
    await console.house.do(conversations.note, conversation=1, by="Ben", text="the kettle is new")
    await index(console)
    day = f"{console.house.clock.now():%Y-%m-%d}"
    assert "kettle is new" in re.sub(r"\s+", " ", (await search(ben, "kettle", "&state=open&channel=letters")).words)
    assert "Nothing" in (await search(ben, "kettle", "&channel=sms")).words
    assert "Nothing" in (await search(ben, "kettle", "&state=closed")).words
    assert "Nothing" in (await search(ben, "kettle", f"&until={day}")).words
    assert "Nothing" not in (await search(ben, "kettle", f"&after={day}")).words
    assert "Nothing" in (await search(ben, "kettle from:nobody")).words
    assert "is new" in (await search(ben, "kettle from:me")).words


async def test_who_does_not_talk_with_customers_does_not_search_them(console: Console) -> None:
    for role in ("marketer", "admin"):
        somebody = await console.staff(role.title(), role)
        assert (await search(somebody, "kettle")).status == 403
