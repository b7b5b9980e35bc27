"""Who calls a mail webhook: each provider proves itself by its own rule, and nobody else gets in."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given as property_of
from hypothesis import settings
from hypothesis import strategies as st

from channels.mail.providers import PROVIDERS
from channels.mail.providers.seam import Credentials, Forged
from channels.mail.providers.ses import certificate_url
from channels.request import Request

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))
URL = "https://shop.example.com/mail/hook"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ELLIPTIC = ec.generate_private_key(ec.SECP256R1())


def genuine(name: str, request: Request, credentials: Credentials, *, at: datetime = NOW) -> bool:
    try:
        PROVIDERS[name].verify(request, credentials, at)
    except Forged:
        return False
    return True


def asked(body: bytes, **headers: str) -> Request:
    return Request(
        method="POST",
        url=URL,
        headers={name.replace("_", "-").lower(): value for name, value in headers.items()},
        body=body,
    )


def public(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    """In base64 without its armour, as the providers show it."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(key.public_key().public_bytes(serialization.Encoding.DER, form)).decode()


@pytest.mark.parametrize("name", PROVIDERS)
def test_without_credentials_nobody_is_the_provider(name: str) -> None:
    authorization = "Basic " + base64.b64encode(b":").decode()
    assert not genuine(name, asked(b"{}", authorization=authorization), Credentials())
    assert not genuine(name, asked(b""), Credentials())


@pytest.mark.parametrize("name", ["brevo", "mailjet", "postmark", "sparkpost", "sendgrid"])
def test_providers_that_sign_nothing_know_the_password_of_their_address(name: str) -> None:
    known = Credentials(user="hook", password="päss:word")
    right = "Basic " + base64.b64encode("hook:päss:word".encode()).decode()
    assert genuine(name, asked(b"{}", authorization=right), known)
    for wrong in ("", "Basic", "Basic ????", "Bearer x", "Basic " + base64.b64encode(b"hook:wrong").decode()):
        assert not genuine(name, asked(b"{}", authorization=wrong), known)


def test_mailgun_signs_time_and_token() -> None:
    def mailgun(timestamp: str, *, at: datetime = NOW, key: str = "key") -> bool:
        mac = hmac.new(b"key", f"{timestamp}token".encode(), "sha256").hexdigest()
        block = {"timestamp": timestamp, "token": "token", "signature": mac}
        form = f"timestamp={timestamp}&token=token&signature={mac}".encode()
        body = json.dumps({"signature": block, "event-data": {}}).encode()
        both = [genuine("mailgun", asked(each), Credentials(key=key), at=at) for each in (body, form)]
        assert both[0] == both[1]
        return both[0]

    assert mailgun(STAMP)
    assert mailgun(STAMP, at=NOW + timedelta(hours=8)), "Mailgun tries for eight hours"
    assert not mailgun(STAMP, at=NOW + timedelta(days=2))
    assert not mailgun(STAMP, key="another")
    assert not mailgun("soon")


def test_mailgun_believes_the_last_of_fields_that_a_customers_variables_may_shadow() -> None:
    mac = hmac.new(b"key", f"{STAMP}token".encode(), "sha256").hexdigest()
    body = f"signature=a+variable&token=mine&timestamp={STAMP}&token=token&signature={mac}".encode()
    assert genuine("mailgun", asked(body), Credentials(key="key"))


@pytest.mark.parametrize(("name", "header"), [("mailersend", "Signature"), ("mailtrap", "Mailtrap_Signature")])
def test_some_sign_the_whole_body(name: str, header: str) -> None:
    mac = hmac.new(b"key", b'{"events":[]}', "sha256").hexdigest()
    assert genuine(name, asked(b'{"events":[]}', **{header: mac}), Credentials(key="key"))
    assert not genuine(name, asked(b'{"events":[1]}', **{header: mac}), Credentials(key="key"))
    assert not genuine(name, asked(b'{"events":[]}'), Credentials(key="key"))


def test_mandrill_signs_the_address_that_it_knows_and_the_form() -> None:
    mac = hmac.new(b"key", f"{URL}mandrill_events[]".encode(), "sha1").digest()
    request = asked(b"mandrill_events=%5B%5D", X_Mandrill_Signature=base64.b64encode(mac).decode())
    assert genuine("mandrill", request, Credentials(key="key"))
    assert genuine("mandrill", request, Credentials(key="key", public_url=URL))
    assert not genuine("mandrill", request, Credentials(key="key", public_url="https://shop.example.com/other"))


def test_resend_signs_id_time_and_body_and_may_sign_with_two_keys() -> None:
    secret = "whsec_" + base64.b64encode(b"a signing secret").decode()
    mac = base64.b64encode(hmac.digest(b"a signing secret", f"msg_1.{STAMP}.{{}}".encode(), "sha256")).decode()

    def resend(body: bytes = b"{}", *, at: datetime = NOW, key: str = secret, given: str = f"v1,old v1,{mac}") -> bool:
        request = asked(body, svix_id="msg_1", svix_timestamp=STAMP, svix_signature=given)
        return genuine("resend", request, Credentials(key=key), at=at)

    assert resend()
    assert not resend(b"[]")
    assert not resend(given=f"v2,{mac}")
    assert not resend(key="whsec_")
    assert not resend(at=NOW + timedelta(minutes=6)), "svix signs each try anew: an old one is a replay"


def test_sendgrid_signs_time_and_body_with_its_key() -> None:
    signature = ELLIPTIC.sign(STAMP.encode() + b"[]", ec.ECDSA(hashes.SHA256()))

    def sendgrid(body: bytes, *, at: datetime = NOW, key: str = public(ELLIPTIC)) -> bool:
        request = asked(
            body,
            X_Twilio_Email_Event_Webhook_Signature=base64.b64encode(signature).decode(),
            X_Twilio_Email_Event_Webhook_Timestamp=STAMP,
        )
        return genuine("sendgrid", request, Credentials(key=key), at=at)

    assert sendgrid(b"[]")
    assert not sendgrid(b"[{}]")
    assert not sendgrid(b"[]", at=NOW + timedelta(days=3))
    assert not sendgrid(b"[]", key=public(RSA))
    assert not sendgrid(b"[]", key="nonsense")


def test_postal_signs_the_body_with_its_key() -> None:
    signature = base64.b64encode(RSA.sign(b"{}", padding.PKCS1v15(), hashes.SHA1())).decode()
    assert genuine("postal", asked(b"{}", X_Postal_Signature=signature), Credentials(key=public(RSA)))
    assert not genuine("postal", asked(b"[]", X_Postal_Signature=signature), Credentials(key=public(RSA)))
    assert not genuine("postal", asked(b"{}", X_Postal_Signature="x"), Credentials(key=public(RSA)))
    assert not genuine("postal", asked(b"{}", X_Postal_Signature=signature), Credentials(key=public(ELLIPTIC)))


def test_unisender_puts_our_key_where_the_signature_stands() -> None:
    digest = hashlib.md5(b'{"a": 1, "auth":"our-key"}').hexdigest()
    body = f'{{"a": 1, "auth":"{digest}"}}'.encode()
    assert genuine("unisender_go", asked(body), Credentials(key="our-key"))
    assert not genuine("unisender_go", asked(body.replace(b"1", b"2", 1)), Credentials(key="our-key"))
    assert not genuine("unisender_go", asked(b'{"auth": ""}'), Credentials(key="our-key"))


def notice(*, topic: str = "arn:aws:sns:eu-west-1:1:mail", key: rsa.RSAPrivateKey = RSA, version: str = "2") -> bytes:
    fields = {
        "Type": "Notification",
        "MessageId": "m",
        "TopicArn": topic,
        "Message": "{}",
        "Timestamp": NOW.isoformat().replace("+00:00", "Z"),
    }
    names = ("Message", "MessageId", "Timestamp", "TopicArn", "Type")
    signed = "".join(f"{name}\n{fields[name]}\n" for name in names).encode()
    algorithm = hashes.SHA1() if version == "1" else hashes.SHA256()
    signature = base64.b64encode(key.sign(signed, padding.PKCS1v15(), algorithm)).decode()
    return json.dumps({**fields, "Signature": signature, "SignatureVersion": version}).encode()


def certificate(key: rsa.RSAPrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    builder = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=key.public_key(),
        serial_number=1,
        not_valid_before=NOW,
        not_valid_after=NOW + timedelta(days=1),
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize("version", ["1", "2"])
def test_amazon_signs_a_notification_of_our_topic(version: str) -> None:
    known = Credentials(topic="arn:aws:sns:eu-west-1:1:mail", certificate=certificate(RSA))
    assert genuine("ses", asked(notice(version=version)), known)
    assert not genuine("ses", asked(notice(version=version)), known, at=NOW + timedelta(days=2))
    assert not genuine("ses", asked(notice(topic="arn:aws:sns:eu-west-1:2:theirs")), known)
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert not genuine("ses", asked(notice(key=other)), known)
    assert not genuine("ses", asked(b"[]"), known)


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com.example.org/x.pem",
        "https://example.org/sns.eu-west-1.amazonaws.com/x.pem",
        "https://user@sns.eu-west-1.amazonaws.com/x.pem",
        "https://sns.eu-west-1.amazonaws.com:444/x.pem",
        "https://[",
        "",
    ],
)
def test_amazons_certificates_come_from_amazon(url: str) -> None:
    with pytest.raises(Forged):
        certificate_url(asked(json.dumps({"SigningCertURL": url}).encode()))
    good = "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-1.pem"
    assert certificate_url(asked(json.dumps({"SigningCertURL": good}).encode())) == good


ANY_TEXT = st.text(max_size=60) | st.sampled_from([STAMP, "v1,AAAA", "Basic aG9vazpw", "AAAA"])
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "authorization",
            "content-type",
            "signature",
            "mailtrap-signature",
            "svix-id",
            "svix-timestamp",
            "svix-signature",
            "x-mandrill-signature",
            "x-postal-signature",
            "x-twilio-email-event-webhook-signature",
            "x-twilio-email-event-webhook-timestamp",
        ]
    ),
    ANY_TEXT,
)


@pytest.mark.parametrize("name", PROVIDERS)
@property_of(body=st.binary(max_size=200), headers=HEADERS, key=st.sampled_from(["key", "whsec_a2V5", public(RSA)]))
@settings(max_examples=60)
def test_whatever_comes_is_forged_and_breaks_nothing(name: str, body: bytes, headers: dict[str, str], key: str) -> None:
    known = Credentials(key=key, user="hook", password="long password", topic="arn:aws:sns:eu-west-1:1:mail")
    assert not genuine(name, Request(method="POST", url=URL, headers=headers, body=body), known)
