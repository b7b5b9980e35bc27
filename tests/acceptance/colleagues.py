"""Colleagues of the tea house: people with accounts in its console."""

from __future__ import annotations

from playwright.async_api import Page

from desk import passwords, staff
from desk.logins import Present
from storage.staff import Role
from tests.acceptance.tea_house import MONDAY, TeaHouse

PASSWORD = "correct horse battery"
ADA = Present(
    staff=1, name="Ada", email="ada@shop.test", roles=(Role.ADMIN,), language="en", session=b"", seen_at=MONDAY
)
"""Who was here first."""


async def hire(house: TeaHouse, name: str, *roles: Role, language: str = "en") -> None:
    """Somebody is invited, and comes; Ada is there before them."""
    do, stored = house.gateway.commits.run, passwords.hashed(PASSWORD)
    first = await do(staff.first_link)
    if first is not None:
        await do(
            lambda transaction: staff.come_in(
                transaction,
                token=first,
                password=stored,
                client="::1",
                name=ADA.name,
                email=ADA.email,
                language=language,
            )
        )
    invited = await do(
        lambda transaction: staff.invite(
            transaction, by=ADA, name=name, email=mail_of(name), roles=roles, language=language
        )
    )
    await do(
        lambda transaction: staff.come_in(
            transaction, token=invited.token, password=stored, client="::1", language=language
        )
    )


async def log_in(page: Page, house: TeaHouse, name: str) -> None:
    """In their browser, up to the inbox."""
    await page.goto(f"{house.url}/console/login?next=%2Fconsole%2Finbox")
    await page.fill("[name=email]", mail_of(name))
    await page.fill("[name=password]", PASSWORD)
    await page.click("main button")
    await page.wait_for_url("**/console/inbox")


def mail_of(name: str) -> str:
    return f"{name.lower()}@shop.test"
