"""Keys of emulators are no secrets, what issuers print as an example is one, and names announce what has no form."""

from __future__ import annotations

import pytest

from keeptrusts.detect.emulators import EMULATOR_KEYS
from keeptrusts.detect.secret import find_secrets
from support.credentials import made

FORMS = ["use {} here", "AccountKey={}", 'api_key: "{}"']


@pytest.mark.parametrize("key", sorted(EMULATOR_KEYS))
def test_the_key_of_an_emulator_is_no_secret(key: str) -> None:
    """Wherever it stands."""
    assert [find_secrets(form.format(key)) for form in FORMS] == [[]] * len(FORMS)


def test_what_is_like_the_key_of_an_emulator_is_a_secret() -> None:
    """With another letter, as it is one of somebody's account."""
    keys = [("A" if key[0] != "A" else "B") + key[1:] for key in EMULATOR_KEYS]
    assert all(find_secrets(f"AccountKey={key}", entropy=False) for key in keys)


def test_a_key_that_says_example_is_a_key() -> None:
    """People try with the keys that documentation prints, and a word within a real one says nothing."""
    keys = [made("AKIA{9b}", 1) + "EXAMPLE", "AKIAIOSFODNN7" + "EXAMPLE", made("sk_test_{24A}", 1)]
    found = [[hit.category for hit in find_secrets(f"use {key} here", entropy=False)] for key in keys]
    assert found == [["aws_access_key"], ["aws_access_key"], ["stripe_key"]]


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("meraki_token = '{40h}'", True),
        ("db_pass={12A}", True),
        ("SERVICE_KEY: {20A}", True),
        ("amqp://worker:{16A}@queue", True),
        ("contraseña = {10A}", True),
        ('password = "P@ss:{6A}9!"', True),
        ("my password is {10A}", True),
        ("<password>{10A}</password>", True),
        ("**API key:** {20h}", True),
        ("mysql --password={10A} -u root", True),
        ("curl -u admin:{10A} https://localhost", True),
        ('"Authorization": "Basic {20A}=="', True),
        ("PASSWORD=$DB_PASSWORD1", False),
        ("--token=$TOKEN1", False),
        ("Authorization: Bearer <token>", False),
        ("Authorization: Bearer my-new-key", False),
        ("password = config.db1.password", False),
        ('password="{{ vault_pw1 }}"', False),
        ("your password is incorrect", False),
        ("next_token = get_next(page2)", False),
        ("auth_token = base64.b64encode(raw)", False),
        ("token: kubernetes-bootstrap-v1", False),
        ("postgres://user:password@localhost/db1", False),
        ("redis://[:password]@host", False),
    ],
)
def test_names_of_secrets(text: str, secret: bool) -> None:
    """What a name announces is a secret when it is neither a word nor a call."""
    for seed in range(3):
        assert bool(find_secrets(made(text, seed), entropy=False)) == secret
