"""Records whose hash leaves their content out."""

from __future__ import annotations

import json

import pytest

from keeptrusts.trail.chain import chain_fields, event_hash, link, sealed, verify
from keeptrusts.trail.contents import FORM, decrypt, encrypt, is_content_intact, with_content_apart

CONTENT = {"request": [{"role": "user", "part": "text", "text": "tiger"}], "answer": []}
EVENT = {
    "id": "evt_" + "0" * 32,
    "event_type": "decision",
    "verdict": "allowed",
    "content": CONTENT,
    "content_digest": "x",
}
SALT = "ab" * 16


def test_only_what_has_content_is_of_the_second_form() -> None:
    """Everything else stays to the byte what gateways before it wrote."""
    plain = EVENT | {"content": None}
    assert with_content_apart(plain, SALT) is plain
    assert with_content_apart(EVENT, SALT)["form"] == FORM


def test_a_record_is_proven_without_its_content() -> None:
    """And with it; not with another one, or with another salt."""
    record = link(with_content_apart(EVENT, SALT), sequence=1, prev_hash=None, instance_id="gwi_1")
    assert (
        verify([record])
        == verify([record | {"content": None}])
        == verify([record | {"content": {"sealed": "x"}}])
        == []
    )
    for other in ({**record["content"], "answer": ["y"]}, {**record["content"], "salt": SALT[::-1]}):
        assert [one.name for one in verify([record | {"content": other}])] == ["flip"]
    assert [one.name for one in verify([record | {"form": "keeptrusts.record.1"}])] == ["flip"]


def test_the_same_text_has_another_digest_each_time() -> None:
    """So that it cannot be guessed by its digest once it is gone."""
    digests = {with_content_apart(EVENT, salt)["content_digest"] for salt in (SALT, SALT[::-1])}
    assert len(digests) == 2


@pytest.mark.parametrize("event", [EVENT, EVENT | {"content": None}, with_content_apart(EVENT, SALT)])
def test_the_text_that_is_spooled_has_the_hash_of_the_record(event: dict[str, object]) -> None:
    """The content stands in it where the canonical form has it, and the hash is that of the whole record's rules."""
    chained = chain_fields(event, sequence=1, prev_hash=None, instance_id="gwi_1")
    text, digest = sealed(chained)
    read = json.loads(text)
    assert list(read) == sorted(read)
    assert read == {**chained, "hash": digest}
    assert event_hash(read) == digest
    assert is_content_intact(read)


def test_a_content_opens_with_its_own_key_in_its_own_event() -> None:
    """Not with another key, of another event or organisation, or changed."""
    key = bytes(range(32))
    hidden = encrypt(b"tiger", key, "org_1", "evt_1")
    assert b"tiger" not in hidden
    assert decrypt(hidden, key, "org_1", "evt_1") == b"tiger"
    others = [
        (hidden, key[::-1], "org_1", "evt_1"), (hidden, key, "org_2", "evt_1"), (hidden, key, "org_1", "evt_2"),
        (hidden[:-1] + b"x", key, "org_1", "evt_1"), (hidden, b"", "org_1", "evt_1"),
    ]  # fmt: skip
    assert [decrypt(*one) for one in others] == [None] * 5
