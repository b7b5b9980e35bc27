"""What we sign, somebody else's program verifies; and whoever changes it is found out."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given as for_all
from hypothesis import strategies as st

from channels.envelope import OutboundMessage
from channels.mail.composing import Composer, Sender
from channels.mail.enclosing import Enclosure
from channels.mail.signing import BadKey, DkimKey, Signer
from channels.mail.unsubscribing import Unsubscribing

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


def _pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | dsa.DSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


RSA = Signer(DkimKey(domain="shop.example", selector="r1", private_key=_pem(rsa.generate_private_key(65537, 2048))))
ED25519 = Signer(DkimKey(domain="shop.example", selector="e1", private_key=_pem(ed25519.Ed25519PrivateKey.generate())))
SIGNERS = pytest.mark.parametrize("signer", [RSA, ED25519], ids=["rsa", "ed25519"])


def _verifies(content: bytes, signer: Signer) -> bool:
    return dkim.verify(content, dnsfunc=lambda name, timeout=5: signer.record().encode())


def _mail(text: str = "您好，\n\n您的订单已发货。 \t \n谢谢！", **changes: object) -> bytes:
    unsubscribing = Unsubscribing(channel="mail", secret=b"s" * 32, base_url="https://shop.example", clock=lambda: NOW)
    composer = Composer(
        Sender(address="support@shop.example", name="好店"), secret=b"k" * 32, unsubscribing=unsubscribing
    )
    fields = {"channel": "mail", "address": "mailto:li@example.org", "text": text, "key": "d1", "subject": "订单"}
    return composer.compose(OutboundMessage(**{**fields, **changes}), at=NOW).content  # pyright: ignore[reportArgumentType]


@SIGNERS
def test_an_independent_verifier_accepts_what_we_sign(signer: Signer) -> None:
    assert _verifies(signer.sign(_mail(), at=1772424000), signer)


@SIGNERS
def test_a_mail_with_a_file_and_odd_white_space_verifies(signer: Signer) -> None:
    composer = Composer(Sender(address="support@shop.example"), secret=b"k" * 32)
    message = OutboundMessage(channel="mail", address="mailto:li@example.org", text="a \t b  \n\n\n c ", key="d1")
    enclosures = [Enclosure(name="报价.pdf", content_type="application/pdf", content=bytes(range(256)) * 40)]
    content = composer.compose(message, at=NOW, enclosures=enclosures).content
    assert _verifies(signer.sign(content, at=1772424000), signer)


@SIGNERS
@pytest.mark.parametrize(
    ("original", "changed"),
    [
        (b"To: li@example.org", b"To: wang@example.org"),
        (b"\r\nDate: ", b"\r\nFrom: evil@example.org\r\nDate: "),
        (b"\r\nMIME-Version", b"\r\nSubject: Another\r\nMIME-Version"),
        (b"--\r\n", b"--\r\nmore"),
    ],
    ids=["recipient", "second From", "second Subject", "body"],
)
def test_a_change_on_the_way_is_found_out(signer: Signer, original: bytes, changed: bytes) -> None:
    signed = signer.sign(_mail(), at=1772424000)
    assert original in signed
    assert not _verifies(changed.join(signed.rsplit(original, 1)), signer)


@SIGNERS
def test_the_way_out_of_marketing_is_covered_by_the_signature(signer: Signer) -> None:
    """RFC 8058, 4."""
    signed = signer.sign(_mail(marketing=True), at=1772424000)
    header = re.sub(rb"\s", b"", signed.partition(b"bh=")[0])
    assert b":list-unsubscribe:list-unsubscribe-post" in header
    assert _verifies(signed, signer)
    assert not _verifies(signed.replace(b"List-Unsubscribe: <https://shop", b"List-Unsubscribe: <https://evil"), signer)


@for_all(
    body=st.text(st.sampled_from("a \t\r\n.é")).map(lambda text: text.replace("\r", "").replace("\n", "\r\n").encode()),
    subject=st.lists(st.sampled_from(["a", "B c", "  ", "\t", "\r\n x", ":"])).map("".join),
)
def test_any_mail_that_is_well_formed_verifies(body: bytes, subject: str) -> None:
    content = f"From: support@shop.example\r\nSubject: x{subject}\r\nX-Empty:\r\n\r\n".encode() + body
    assert _verifies(ED25519.sign(content, at=1772424000), ED25519)


def test_no_line_of_a_signature_is_long() -> None:
    signature = RSA.sign(_mail(marketing=True, thread="t1", reply_to="a@b"), at=1772424000)
    assert max(len(line) for line in signature.partition(b"\r\nDate:")[0].split(b"\r\n")) <= 80


@pytest.mark.parametrize(
    "key",
    [
        DkimKey(domain="shop.example", selector="s", private_key="not a key"),
        DkimKey(domain="shop.example", selector="s", private_key=_pem(dsa.generate_private_key(1024))),
        DkimKey(domain="shop.example\r\nX: y", selector="s", private_key=_pem(ed25519.Ed25519PrivateKey.generate())),
        DkimKey(domain="shop.example", selector="s; l=0", private_key=_pem(ed25519.Ed25519PrivateKey.generate())),
    ],
    ids=["no PEM", "DSA", "domain with a line end", "selector with a tag"],
)
def test_a_key_that_cannot_sign_is_refused_at_the_start(key: DkimKey) -> None:
    with pytest.raises(BadKey):
        Signer(key)


def test_a_key_is_never_shown() -> None:
    assert "PRIVATE" not in repr(
        DkimKey(domain="d", selector="s", private_key=_pem(ed25519.Ed25519PrivateKey.generate()))
    )
