"""The bodies that webhooks get."""

from __future__ import annotations

import json

import pytest

from keeptrusts.api.webhooks import Message
from keeptrusts.control.formats import guess_format, slack_text, write_body

MESSAGE: Message = {
    "type": "event.blocked",
    "timestamp": "2026-01-31T12:00:00.000000Z",
    "data": {"id": "evt_1", "policies": ["rbac", "dlp-filter"], "user_id": None, "nested": {"a": 1}},
}


@pytest.mark.parametrize(
    ("url", "guessed"),
    [
        ("https://hooks.slack.com/services/T0/B0/x", "slack"),
        ("https://HOOKS.slack.com:443/services/T0", "slack"),
        ("https://hooks.slack-gov.com/services/T0", "slack"),
        ("https://hooks.slack.com.evil.example/x", "standard"),
        ("https://example.com/hooks.slack.com", "standard"),
        ("https://example.com/", "standard"),
    ],
)
def test_slack_is_known_by_its_host(url: str, guessed: str) -> None:
    """And by nothing else in the URL."""
    assert guess_format(url) == guessed


def test_standard() -> None:
    """Type, timestamp, data; nothing is added."""
    body = write_body("standard", MESSAGE, message_id="dlv_1", org="org_1")
    assert (body.media_type, json.loads(body.content)) == ("application/json", MESSAGE)


def test_cloudevents() -> None:
    """1.0 in structured mode; without an id in the data there is no subject."""
    body = write_body("cloudevents", MESSAGE, message_id="dlv_1", org="org_1")
    assert body.media_type == "application/cloudevents+json"
    assert json.loads(body.content) == {
        "specversion": "1.0",
        "id": "dlv_1",
        "source": "urn:keeptrusts:org_1",
        "type": "dev.keeptrusts.event.blocked",
        "time": "2026-01-31T12:00:00.000000Z",
        "subject": "evt_1",
        "datacontenttype": "application/json",
        "data": MESSAGE["data"],
    }
    bare: Message = {**MESSAGE, "data": {}}
    assert b"subject" not in write_body("cloudevents", bare, message_id="dlv_1", org="org_1").content


def test_slack() -> None:
    """One text, a line for each plain value."""
    body = write_body("slack", MESSAGE, message_id="dlv_1", org="org_1")
    assert json.loads(body.content) == {"text": "*event.blocked*\nid: evt_1\npolicies: rbac, dlp-filter"}


@pytest.mark.parametrize("value", ["<!channel>", "<https://evil.example|click>", "&lt;!here&gt;", "a\nreason: fine"])
def test_a_value_stays_a_value_in_slack(value: str) -> None:
    """It mentions nobody, links nowhere, and is no line of its own."""
    text = slack_text({**MESSAGE, "data": {"user_id": value}})
    assert "<" not in text
    assert ">" not in text
    assert text.count("\n") == 1
    assert slack_text({**MESSAGE, "data": {"a": "&lt;"}}).endswith("&amp;lt;")


def test_a_slack_text_has_an_end() -> None:
    """Long values are cut, and many are not all shown."""
    text = slack_text({**MESSAGE, "data": {f"field{number}": "x" * 5000 for number in range(100)}})
    assert len(text) < 7000
