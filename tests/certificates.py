"""Certificates of endpoints on loopback, made when they are needed: a sound one, and those that nobody may trust."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_YEAR = timedelta(days=365)
_ADDRESS = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))


@dataclass(frozen=True)
class Certificate:
    """How the certificate of an endpoint is made."""

    signed_by: str = "ours"
    """`ours` is the authority that the client trusts, `itself` none, anything else one that it does not know."""
    begins: timedelta = -_YEAR
    """When it is valid, from now."""
    ends: timedelta = _YEAR
    host: x509.GeneralName = _ADDRESS


SOUND = Certificate()
UNSOUND = {
    "a self-signed certificate": Certificate(signed_by="itself"),
    "a certificate of an unknown authority": Certificate(signed_by="theirs"),
    "an expired certificate": Certificate(begins=-2 * _YEAR, ends=-timedelta(days=1)),
    "a certificate of tomorrow": Certificate(begins=timedelta(days=1)),
    "a certificate of another host": Certificate(host=x509.DNSName("other.example")),
}
_Key = ec.EllipticCurvePrivateKey


def write_certificate(certificate: Certificate, folder: Path) -> ssl.SSLContext:
    """Make a certificate in a folder; what a server takes. The client that has `ours.pem` as `SSL_CERT_FILE` trusts its authority."""
    ours = _write_authority("ours", folder)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "endpoint")])
    issuer, signer = name, key
    if certificate.signed_by != "itself":
        authority = ours if certificate.signed_by == "ours" else _write_authority(certificate.signed_by, folder)
        issuer, signer = authority[0].subject, authority[1]
    made = _sign(name, key, certificate, issuer, signer)
    path = folder / "endpoint.pem"
    path.write_bytes(_write_key(key) + made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def _write_authority(name: str, folder: Path) -> tuple[x509.Certificate, _Key]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = _sign(subject, key, Certificate(host=x509.DNSName(name)), None, key, is_authority=True)
    (folder / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return made, key


def _sign(
    subject: x509.Name, key: _Key, certificate: Certificate, issuer: x509.Name | None, signer: _Key, *,
    is_authority: bool = False,
) -> x509.Certificate:  # fmt: skip
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + certificate.begins)
        .not_valid_after(now + certificate.ends)
        .add_extension(x509.SubjectAlternativeName([certificate.host]), critical=False)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .sign(signer, hashes.SHA256())
    )


def _write_key(key: _Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
