"""Africa's Talking: forms in, a form out, JSON back.

In: https://developers.africastalking.com/docs/sms/notifications
Out: https://developers.africastalking.com/docs/sms/sending/bulk
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from channels.envelope import DeliveryStatus, SendError, SendErrorCode
from channels.protocol import Inspection
from channels.request import Fields, Node, Request, Unreadable, need_moment
from channels.sms.arrivals import became, came, closed, stopped
from channels.sms.provider import Answer, Call, Reply, Stopped, Text, bare, is_status, knows_secret
from channels.sms.settings import SmsSettings

API: Final = "https://api.africastalking.com/version1/messaging"

STATUSES: Final[Mapping[str, DeliveryStatus]] = {
    "Sent": DeliveryStatus.SENT,
    "Submitted": DeliveryStatus.SENT,
    "Buffered": DeliveryStatus.SENT,
    "Success": DeliveryStatus.DELIVERED,
    "Rejected": DeliveryStatus.FAILED,
    "Failed": DeliveryStatus.FAILED,
    "Expired": DeliveryStatus.FAILED,
    "AbsentSubscriber": DeliveryStatus.FAILED,
}
CODES: Final[Mapping[str, SendErrorCode]] = {
    "401": SendErrorCode.REJECTED,  # held for its risk
    "402": SendErrorCode.UNAUTHORIZED,  # the sender is not ours
    "403": SendErrorCode.BAD_ADDRESS,
    "404": SendErrorCode.BAD_ADDRESS,  # no such type of number
    "405": SendErrorCode.UNAUTHORIZED,  # no credit
    "406": SendErrorCode.BLOCKED,  # the person wants nothing from us
    "407": SendErrorCode.BAD_ADDRESS,  # cannot be routed
    "409": SendErrorCode.BLOCKED,  # do-not-disturb list
    "500": SendErrorCode.PROVIDER_ERROR,
    "501": SendErrorCode.PROVIDER_ERROR,
    "502": SendErrorCode.REJECTED,
}
"""https://developers.africastalking.com/docs/sms/sending/bulk#status-codes"""
_TAKEN: Final = "Success"
_STOPPED_CODE: Final = "406"
_STOPPED_REASON: Final = "UserInBlacklist"
_GONE: Final = ("UserDoesNotExist", "UserInactive")


class AfricasTalking:
    """`account` is the user name, `token` the API key; without a `sender` texts leave from a shared number.
    Africa's Talking signs nothing: `webhook_secret` is in our address."""

    def __init__(self, settings: SmsSettings) -> None:
        self.settings = settings

    def missing(self) -> Sequence[str]:
        needed = {"account": self.settings.account, "token": self.settings.token}
        return [name for name, value in needed.items() if not value]

    def verify(self, request: Request, at: datetime) -> bool:
        return knows_secret(request, self.settings)

    def read(self, request: Request, at: datetime) -> Inspection:
        fields = request.fields()
        if "phoneNumber" in fields and "senderId" in fields and "status" not in fields:
            return self._to_withdrawal(fields, request, at)
        return self._to_update(fields, request, at) if is_status(request) else self._to_inbound(fields, request)

    def _to_inbound(self, fields: Fields, request: Request) -> Inspection:
        identity = fields.need("id")
        fields.need("to")
        message = came(
            self.settings,
            request,
            external_id=identity,
            written_by=fields.need("from"),
            sent_at=need_moment(fields.need("date"), "date"),
            text=fields.need("text"),
        )
        return Inspection(arrivals=(message,))

    def _to_update(self, fields: Fields, request: Request, at: datetime) -> Inspection:
        identity, said = fields.need("id"), fields.need("status")
        if (status := STATUSES.get(said)) is None:
            raise Unreadable(f"unknown status {said[:32]!r}")
        to, why = fields.last("phoneNumber"), fields.last("failureReason")
        reason = " ".join(filter(None, (said, why))) if status is DeliveryStatus.FAILED else None
        update = became(self.settings, request, external_id=identity, status=status, at=at, reason=reason, to=to)
        gone = closed(self.settings, request, to=to, at=at, key=identity, reason=reason or said)
        withdrawn = stopped(self.settings, request, to=to, at=at, key=identity)
        return Inspection(
            arrivals=(
                update,
                *(gone if why in _GONE else []),
                *(withdrawn if why == _STOPPED_REASON else []),
            )
        )

    def _to_withdrawal(self, fields: Fields, request: Request, at: datetime) -> Inspection:
        """https://developers.africastalking.com/docs/sms/notifications#bulk-sms-opt-out"""
        to = fields.need("phoneNumber")
        day = at.date().isoformat()  # there is neither an id nor a time
        return Inspection(arrivals=tuple(stopped(self.settings, request, to=to, at=at, key=f"{to}:{day}")))

    def response(self, inspection: Inspection) -> Reply:
        return Reply()

    def call(self, text: Text) -> Call:
        """The delivery reports' address is set in Africa's Talking's dashboard; the option `bulk` = `true` says that
        nobody pays for an answer."""
        fields = {
            "username": self.settings.account,
            "to": text.to,
            "message": "\n".join([text.text, *text.media]),
        }
        if self.settings.sender:
            fields["from"] = self.settings.sender
        if self.settings.options.get("bulk") == "true":
            fields["bulkSMSMode"] = "1"
        headers = {"apikey": self.settings.token, "Accept": "application/json"}
        return Call.form(self.settings.api_base or API, fields, headers)

    def receipt(self, text: Text, answer: Answer) -> str:
        if not answer.ok:
            raise bare(answer, answer.stated.text("error", "message") or "")
        recipient = _recipient(answer.stated)
        if recipient.text("status") != _TAKEN:
            raise _refusal(recipient)
        identity = recipient.text("messageId")
        if not identity or identity == "None":
            raise SendError(SendErrorCode.NO_ANSWER, f"{answer.status} without a messageId")
        return identity


def _recipient(stated: Node) -> Node:
    """What is said of the one number that we wrote to."""
    data = stated.at("SMSMessageData")
    if not data.is_object:
        raise SendError(SendErrorCode.NO_ANSWER, "no SMSMessageData")
    found = next(iter(data.at("Recipients").objects()), None)
    if found is None:
        # Without a recipient the message says why nothing was sent: `InvalidSenderId` and the like.
        raise SendError(SendErrorCode.REJECTED, (data.text("Message") or "no recipient")[:200])
    return found


def _refusal(recipient: Node) -> SendError:
    code, said = recipient.text("statusCode") or "", recipient.text("status") or "no status"
    detail = f"{code} {said[:200]}".strip()
    if code == _STOPPED_CODE or said == _STOPPED_REASON:
        return Stopped(detail)
    kind = CODES.get(code, SendErrorCode.REJECTED)
    return SendError(kind, detail, whole_channel=kind is SendErrorCode.UNAUTHORIZED)
