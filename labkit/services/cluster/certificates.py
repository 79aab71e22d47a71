"""The cluster's own certificates: an authority that lives as long as the cluster, and what it vouches for."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFE = datetime.timedelta(days=30)
NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "labkit")


class Authority:
    """Signs certificates for this one cluster; its key is never written down."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "ca.crt"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "labkit cluster")])
        self._certificate = self._sign("labkit cluster", self._key.public_key(), authority=True)
        self.path.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, common_name: str, *, server: bool) -> tuple[Path, Path]:
        """A certificate and its key, as files: for a server on loopback, or for a client of that name."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(common_name, key.public_key(), server=server)
        paths = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        paths[1].touch(mode=0o600)
        paths[1].write_bytes(private(key))
        return paths

    def _sign(
        self, common_name: str, key: ec.EllipticCurvePublicKey, *, authority: bool = False, server: bool = False
    ) -> x509.Certificate:
        start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]))
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + LIFE)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if not authority:
            use = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
            builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        if server:
            addresses = [x509.IPAddress(ipaddress.ip_address(one)) for one in ("127.0.0.1", "198.19.0.1")]
            names = x509.SubjectAlternativeName([*map(x509.DNSName, NAMES), *addresses])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, hashes.SHA256())


def private(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A key as PEM."""
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def key_pair(folder: Path, name: str) -> tuple[Path, Path]:
    """A private and a public key as files: what service-account tokens are signed and checked with."""
    key = ec.generate_private_key(ec.SECP256R1())
    secret, public = folder / f"{name}.key", folder / f"{name}.pub"
    secret.touch(mode=0o600)
    secret.write_bytes(private(key))
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    public.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, form))
    return secret, public
