"""`[alerts]`: how the staff are told, away from the console, what they have to know."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import Field

from gateway.sections import Section
from gateway.settings_mail import Mail
from gateway.settings_sources import Mistake


class Alerts(Section):
    """`[alerts]`: mails to the staff."""

    mail: str | None = Field(
        default=None,
        description="the name of the [[mail]] by which the staff are mailed; left out, the first that sends",
    )


def mailbox_of(alerts: Alerts, mailboxes: Sequence[Mail]) -> str | None:
    """By which the staff are mailed; None: they cannot be."""
    if alerts.mail is not None:
        return alerts.mail
    return next((mailbox.name for mailbox in mailboxes if mailbox.smtp is not None), None)


def contradictions(alerts: Alerts, mailboxes: Sequence[Mail]) -> Iterable[Mistake]:
    """Values that are right each by itself and wrong together."""
    if alerts.mail is None:
        return
    named = next((mailbox for mailbox in mailboxes if mailbox.name == alerts.mail), None)
    if named is None or named.smtp is None:
        what = "names no [[mail]] that there is" if named is None else "names a [[mail]] that sends nothing"
        right = "name one with [mail.smtp]; one that only sends may be made for the staff alone"
        yield Mistake(key="alerts.mail", what=what, right=right)
