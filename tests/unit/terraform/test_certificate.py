"""The certificate of a process, as `cryptography` reads it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from keeptrusts.terraform.plugin.certificate import base_points, make_certificate, multiply


@pytest.fixture(scope="module", params=range(20))
def made(request: pytest.FixtureRequest) -> tuple[x509.Certificate, bytes]:
    """Twenty of them: a number whose first bit is set is written with one byte more."""
    der, pem = make_certificate()
    return x509.load_der_x509_certificate(der), pem


def test_it_signs_itself(made: tuple[x509.Certificate, bytes]) -> None:
    """Its signature is right, and its issuer is itself."""
    certificate, _ = made
    certificate.verify_directly_issued_by(certificate)
    assert certificate.version is x509.Version.v3


def test_the_key_is_its_own(made: tuple[x509.Certificate, bytes]) -> None:
    """The PEM holds the key and the same certificate; the curve is P-256."""
    certificate, pem = made
    key = load_pem_private_key(pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.public_key() == certificate.public_key()
    assert isinstance(key.curve, ec.SECP256R1)
    assert x509.load_pem_x509_certificates(pem) == [certificate]


def test_what_go_plugin_asks_of_it(made: tuple[x509.Certificate, bytes]) -> None:
    """It is an authority for `localhost`, for both ends of a connection."""
    certificate, _ = made
    extensions = certificate.extensions
    assert extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    usage = extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.digital_signature, usage.key_cert_sign) == (True, True)
    extended = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(extended) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert (
        certificate.subject == certificate.issuer == x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    )


def test_it_is_valid_now_and_not_for_ever(made: tuple[x509.Certificate, bytes]) -> None:
    """A clock that is a little behind does not refuse it."""
    certificate, _ = made
    now = datetime.now(UTC)
    assert certificate.not_valid_before_utc <= now - timedelta(minutes=4)
    assert now + timedelta(days=29) < certificate.not_valid_after_utc < now + timedelta(days=31)


def test_no_two_are_alike() -> None:
    """Key and serial number are drawn anew each time."""
    ours = [x509.load_der_x509_certificate(make_certificate()[0]) for _ in range(5)]
    assert len({one.serial_number for one in ours}) == len(ours)
    assert len({one.public_key().public_numbers() for one in ours}) == len(ours)  # type: ignore[union-attr]
    assert all(0 < one.serial_number < 1 << 159 for one in ours)


@pytest.mark.parametrize("factor", [1, 2, 3, 1 << 32, (1 << 255) + 1, 0x1234567890ABCDEF << 190, 2**256 - 2**225])
def test_prepared_points_change_nothing_but_the_time(factor: int) -> None:
    """A packaged provider multiplies by them, and has the point that it would have without."""
    points = base_points()
    assert multiply(factor, points) == multiply(factor)
    curve = ec.derive_private_key(factor, ec.SECP256R1()).public_key().public_numbers()
    assert multiply(factor, points) == (curve.x, curve.y)
