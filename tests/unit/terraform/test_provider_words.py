"""The small parts of the provider: durations, labels, numbers, log lines."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeptrusts.terraform import labels
from keeptrusts.terraform.checks import between, duration, event_types, http_url, seconds, signing_secret
from keeptrusts.terraform.diagnostics import Diagnostics
from keeptrusts.terraform.failures import sentence
from keeptrusts.terraform.plugin.logs import HIDDEN, hide, log, without_secrets
from keeptrusts.terraform.plugin.values import UNKNOWN
from keeptrusts.terraform.resources.config_variable import ConfigVariableState
from keeptrusts.terraform.schema import Attr, attributes_of, dump, known, load, make, take


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("90s", 90), ("10m", 600), ("1h30m", 5400), ("0.5s", 0.5), ("1h1m1s", 3661)]
    + [(text, None) for text in ("", "5", "m", "0s", "-1s", "1.2.3s", "soon", "1 h", "1d", ".s", "10m5")],
)
def test_durations(text: str, wanted: float | None) -> None:
    """As Terraform users write them; whatever is none is told so."""
    assert seconds(text) == wanted
    assert (duration(text) is None) == (wanted is not None)


@pytest.mark.parametrize(
    ("text", "said"),
    [("it fails", "It fails."), ("does it fail?", "Does it fail?"), ("It fails.", "It fails."), ("", "")],
)
def test_a_sentence_has_a_capital_letter_and_an_end(text: str, said: str) -> None:
    """Also one that ends with a question."""
    assert sentence(text) == said


def test_a_limit_is_told_in_full() -> None:
    """Digit by digit, however large; a share as it is written."""
    assert between(1, 2**31 - 1)(0) == "it must be 1 to 2147483647, not 0"
    assert between(0, 1)(1.5) == "it must be 0 to 1, not 1.5"
    assert between(0, 1)(0.25) is None


def test_every_event_type_that_does_not_exist_is_told() -> None:
    """Each with what was probably meant."""
    told = event_types(frozenset({"event.blockd", "event.*", "escalation.createt"})) or ""
    assert [line.rpartition("; ")[2] for line in told.splitlines()] == [
        "did you mean `escalation.created`?",
        "did you mean `event.blocked`?",
    ]


@pytest.mark.parametrize(
    ("url", "usable"),
    [
        ("https://example.com", True),
        ("http://127.0.0.1:8080/x?y=z", True),
        ("https://[::1]:1/", True),
        ("example.com", False),
        ("ftp://example.com", False),
        ("https://", False),
        ("https://example.com/a b", False),
        ("https://user:pass@example.com", False),
        ("https://example.com:99999", False),
        ("https://[::1", False),
        ("", False),
    ],
)
def test_urls(url: str, usable: bool) -> None:
    """Absolute, http or https, without a credential."""
    assert (http_url(url) is None) == usable


@pytest.mark.parametrize(
    ("hosts", "usable"),
    [
        ({"a.example", "b.example:8443", "127.0.0.1:1", "[::1]:2", UNKNOWN}, True),
        ({"https://a.example"}, False),
        ({"a.example", "A.example"}, False),
        ({"*.a.example"}, False),
        ({"a.example", None}, False),
        (set(), False),
        ({f"h{number}.example" for number in range(51)}, False),
    ],
)
def test_hosts_of_secrets(hosts: set[Any], usable: bool) -> None:
    """Names of hosts, and at least one: none at all would read as nowhere, and mean the known providers."""
    attribute = attributes_of(ConfigVariableState)["allowed_hosts"]
    assert attribute.attr.check is not None
    assert (attribute.attr.check(frozenset(hosts)) is None) == usable


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_!!!", "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"])
def test_signing_secrets(text: str) -> None:
    """What is none is answered with a command that makes one, and never with itself."""
    said = signing_secret(text)
    assert said is not None
    assert "openssl rand" in said
    assert not text or text == "whsec_" or text not in said


@given(
    st.dictionaries(st.sampled_from("abcd"), st.sampled_from("xy")),
    st.dictionaries(st.sampled_from("abcd"), st.sampled_from("xy")),
)
def test_labels_are_told_apart_again(own: dict[str, str], defaults: dict[str, str]) -> None:
    """What is sent is the resource's own over the defaults, and a read of it gives the resource's own."""
    sent = labels.effective(own, defaults)
    assert sent == {**defaults, **own}
    assert (labels.own(sent, defaults, own) or {}) == own


def test_a_label_of_somebody_else_is_a_difference() -> None:
    """Added, changed or removed elsewhere, it is seen among the resource's own."""
    assert labels.own({"a": "x", "b": "y"}, {"a": "x"}, None) == {"b": "y"}
    assert labels.own({"a": "z"}, {"a": "x"}, None) == {"a": "z"}
    assert labels.own({}, {"a": "x"}, {"b": "y"}) is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    depth: Annotated[int | None, Attr(about="x")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    count: Annotated[int | None, Attr(about="x")] = None
    ratio: Annotated[float | None, Attr(about="x")] = None
    names: Annotated[frozenset[str], Attr(about="x")] = frozenset()
    inner: Annotated[Inner | None, Attr(about="x")] = None
    several: Annotated[tuple[Inner, ...], Attr(about="x", computed=True)] = ()


@pytest.mark.parametrize(
    ("raw", "number"),
    [(3, 3), (3.0, 3), (2.5, 2.5), ("12345678901234567890123", 12345678901234567890123), ("0.1", 0.1)],
)
def test_numbers_come_in_many_forms(raw: Any, number: float) -> None:
    """Whole ones are whole, and large ones, which come as text, lose no digit."""
    loaded = load(Outer, {"count": raw})
    assert loaded is not None
    assert (loaded["count"], type(loaded["count"])) == (number, type(number))


def test_a_number_beyond_all_numbers() -> None:
    """One of five thousand digits is larger than any limit, and no crash."""
    loaded = load(Outer, {"count": "1" + "0" * 5000})
    assert loaded is not None
    assert loaded["count"] == float("inf")


def test_values_go_out_as_they_came() -> None:
    """Through the classes and back; what is absent has the default, what is unknown stays so."""
    raw = {"count": 1, "ratio": 0.5, "names": ["b", "a"], "inner": {"depth": 2}, "several": [{"depth": 3}]}
    loaded = load(Outer, raw)
    assert loaded is not None
    assert dump(Outer, loaded) == raw | {"names": ["a", "b"]}
    state = make(Outer, loaded | {"several": None})
    assert state == Outer(count=1, ratio=0.5, names=frozenset("ab"), inner=Inner(depth=2))
    assert take(state)["inner"] == {"depth": 2}
    unknown = load(Outer, {"count": UNKNOWN, "names": ["a", UNKNOWN], "inner": {"depth": UNKNOWN}})
    assert unknown is not None
    assert [known(unknown[name]) for name in ("count", "ratio", "names", "inner")] == [False, True, False, False]
    assert dump(Outer, unknown) is not None


def test_a_hidden_text_is_in_no_line(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither in a log line, which is JSON as Terraform reads it, nor in a diagnostic; the longest goes first."""
    monkeypatch.setattr("keeptrusts.terraform.plugin.logs._hidden", set())
    hide("planted-secret")
    hide("planted-secret-with-more")
    hide("abc")
    log("a planted-secret-with-more and abc", "warn")
    line = json.loads(capfd.readouterr().err)
    assert line["@message"] == f"a {HIDDEN} and abc"
    assert line["@level"] == "warn"
    assert line["@timestamp"].endswith("Z")
    assert without_secrets("xplanted-secretx") == f"x{HIDDEN}x"
    diagnostics = Diagnostics()
    diagnostics.error("planted-secret", "planted-secret", "attribute", 3)
    diagnostics.error("planted-secret", "planted-secret", "attribute", 3)
    (said,) = diagnostics.as_messages()
    assert (said["summary"], said["detail"]) == (HIDDEN, HIDDEN)
    assert said["attribute"] == {"steps": [{"attribute_name": "attribute"}, {"element_key_int": 3}]}
