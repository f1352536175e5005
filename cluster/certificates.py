"""Responsible for making the certificates of one cluster: a private authority that nobody can use again.

Dask checks that a certificate was signed by the authority, not what name it bears. So there is one authority
for each cluster, and its key is never written: what the folder holds is all that will ever be signed by it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.errors import ClusterRefused
from cluster.settings import dask_settings, nest
from cluster.tls import DASK_FILE, TlsFiles, files_in, tls_settings

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_SLACK = timedelta(hours=1)
"""Clocks of hosts differ: certificates are valid from a little before now."""


def write_certificates(folder: Path, *, days: int = 30, seen_at: Path | None = None) -> TlsFiles:
    """Make a folder (mode 0700) of certificates and keys (mode 0600), and Dask's settings for them.

    ``seen_at`` is the path under which the cluster's hosts see the folder, if it is another.

    :raises ClusterRefused: when the folder is there already, or cannot be made.
    """
    try:
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError as exc:
        raise ClusterRefused(
            "making certificates needs the package cryptography", "pip install 'extraction-runner[tls]'"
        ) from exc
    try:
        folder.mkdir(mode=0o700, parents=True)
    except OSError as exc:
        raise ClusterRefused(
            f"cannot make {folder}: {exc.strerror}", "name a folder that is not there"
        ) from exc
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _sign("extraction-runner cluster", authority_key, None, authority_key, days)
    files = files_in(folder.absolute())
    _write(Path(files.ca), _pem(authority))
    for role, cert, key in files.pairs:
        own_key = ec.generate_private_key(ec.SECP256R1())
        _write(Path(cert), _pem(_sign(role, own_key, authority, authority_key, days)))
        _write(Path(key), _key_pem(own_key))
    _write(folder / DASK_FILE, _dask_file(files_in(seen_at or folder.absolute())))
    return files


def _sign(
    name: str,
    own_key: EllipticCurvePrivateKey,
    authority: x509.Certificate | None,
    authority_key: EllipticCurvePrivateKey,
    days: int,
) -> x509.Certificate:
    """A certificate for a key; without an authority, that of an authority."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.x509.oid import NameOID

    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if authority is None else authority.subject)
        .public_key(own_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SLACK)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=authority is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own_key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
        )
        .add_extension(_usage(is_authority=authority is None), critical=True)
        .sign(authority_key, SHA256())
    )


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    """Authorities sign certificates, all others prove who they are."""
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM)


def _key_pem(key: EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _dask_file(files: TlsFiles) -> bytes:
    """What ``DASK_CONFIG`` names for schedulers and workers that are started by hand."""
    import yaml

    text: str = yaml.safe_dump(nest({**dask_settings(), **tls_settings(files)}))
    return text.encode()


def _write(path: Path, data: bytes) -> None:
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(data)
