"""Events: durable when acknowledged, stored once, checked, found, counted."""

from __future__ import annotations

import gzip
import hashlib
import json
import time
from typing import Any

import pytest
from sqlalchemy import select

from keeptrusts.store.chains import Chains
from keeptrusts.store.tables import messages, quarantine
from support.control import Person, Plane, assert_problem
from support.records import Instance, event_id

DAY = 24 * 3600


def _send(person: Person, *records: dict[str, Any]) -> dict[str, Any]:
    return person.made("/v1/gateway/events", {"events": list(records)})


def _found(person: Person, query: str = "") -> list[str]:
    answer = person.get(f"/v1/events?{query}")
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["data"]]


def _breaks(control: Plane) -> list[tuple[str, int, int]]:
    with control.services.store.read() as tx:
        found = Chains(tx.connection, control.org).breaks()
    return [(one.code, one.expected_sequence, one.found_sequence) for one in found]


def test_what_is_sent_comes_back(admin: Person) -> None:
    """Every field as it was recorded, and when it came."""
    record = Instance().decision(user_id="ünï", content={"text": "a\u0000b \u2028"}, cost_usd=0.1)
    assert _send(admin, record) == {"accepted": [record["id"]], "duplicates": [], "rejected": []}
    found = admin.get(f"/v1/events/{record['id']}").json()
    assert found.pop("received_at").endswith("Z")
    assert found == record


def test_sending_again_stores_once(admin: Person) -> None:
    """The same batch, a part of it, or the same event twice in one."""
    one = Instance()
    first, second = one.decision(), one.decision()
    assert _send(admin, first, first)["duplicates"] == [first["id"]]
    assert _send(admin, first, second) == {
        "accepted": [second["id"]], "duplicates": [first["id"]], "rejected": [],
    }  # fmt: skip
    assert _found(admin) == [second["id"], first["id"]]


def test_a_large_batch(admin: Person) -> None:
    """A thousand, packed; one more is refused."""
    one = Instance()
    records = [one.decision() for _ in range(1000)]
    packed = gzip.compress(json.dumps({"events": records}).encode())
    answer = admin.post("/v1/gateway/events", packed, Content_Encoding="gzip")
    assert len(answer.json()["accepted"]) == 1000
    assert len(admin.get("/v1/events?limit=200").json()["data"]) == 200
    too_many = admin.post("/v1/gateway/events", {"events": [*records, records[0]]})
    assert_problem(too_many, 422, "too_many_events")


def test_what_cannot_be_unpacked(admin: Person) -> None:
    """A gzip bomb, a cut body, another encoding."""
    bomb = gzip.compress(b"0" * (9 * 1024 * 1024))
    path = "/v1/gateway/events"
    assert_problem(admin.post(path, bomb, Content_Encoding="gzip"), 413, "body_too_large")
    cut = gzip.compress(b'{"events":[]}')[:-9]
    assert_problem(admin.post(path, cut, Content_Encoding="gzip"), 400, "malformed_gzip")
    assert_problem(admin.post(path, b"{}", Content_Encoding="br"), 415, "unsupported_encoding")
    assert admin.post(path, gzip.compress(b'{"events":[]}'), Content_Encoding="GZIP").status_code == 200
    assert_problem(admin.post(path, b"{"), 400, "malformed_json")
    assert_problem(admin.post(path, b'{"events":[' + b"[" * 200_000 + b"]" * 200_001 + b"}"), 400, "malformed_json")
    assert_problem(admin.post(path, {"events": {}}), 422, "invalid_input")


def test_poison_does_not_hold_up_the_batch(control: Plane) -> None:
    """Bad events are kept aside with a reason, and named; the rest is stored."""
    one = Instance()
    good, flipped, last = one.decision(), one.decision(), one.decision()
    flipped["verdict"] = "blocked"
    bad: list[Any] = [
        flipped, 7, {"id": "evt_x"}, good | {"id": event_id(), "verdict": "maybe"}, good | {"sequence": 0},
    ]  # fmt: skip
    answer = control.admin.made("/v1/gateway/events", {"events": [good, *bad, last]})
    assert answer["accepted"] == [good["id"], last["id"]]
    assert [(one["index"], one["code"]) for one in answer["rejected"]] == [
        (1, "hash_mismatch"), (2, "invalid_event"), (3, "invalid_event"), (4, "invalid_event"), (5, "invalid_event"),
    ]  # fmt: skip
    assert answer["rejected"][0]["id"] == flipped["id"]
    with control.services.store.read() as tx:
        kept = tx.connection.execute(select(quarantine.c.raw).order_by(quarantine.c.id)).scalars().all()
    assert [json.loads(raw) for raw in kept] == bad


def test_broken_text_is_poison_too(admin: Person) -> None:
    """Also in a member that nobody looks at, and though the hash is that of its bytes."""
    good, bad = Instance("gwi_1").decision(), Instance("gwi_2").decision()
    del bad["hash"]
    text = json.dumps(bad, separators=(",", ":")).encode()[:-1] + b',"novelty":"\xff"}'
    member = b'{"hash":"sha256:%b",' % hashlib.sha256(text).hexdigest().encode()
    body = b'{"events":[%b,%b]}' % (member + text[1:], json.dumps(good).encode())
    receipt = admin.post("/v1/gateway/events", body).json()
    assert (receipt["accepted"], receipt["rejected"][0]["code"]) == ([good["id"]], "invalid_event")


def test_a_gateway_speaks_for_itself_alone(control: Plane) -> None:
    """An event that names another gateway is not stored under it."""
    mine, other = (control.admin.made("/v1/gateways", {"name": name}) for name in ("mine", "other"))
    token = control.admin.made(f"/v1/gateways/{mine['id']}/tokens", {})["token"]
    gateway = Person(control.client, token, control.org, "")
    one = Instance()
    own, forged, last = one.decision(gateway_id=mine["id"]), one.decision(gateway_id=other["id"]), one.decision()
    receipt = _send(gateway, own, forged, last)
    assert receipt["accepted"] == [own["id"], last["id"]]
    assert receipt["rejected"] == [{"index": 1, "id": forged["id"], "code": "foreign_gateway"}]
    assert _found(control.admin, f"gateway_id={other['id']}") == []
    assert _found(control.admin, f"gateway_id={mine['id']}") == [last["id"], own["id"]]


@pytest.mark.parametrize("spell", ["blanks", "float", "escape", "order"])
def test_what_was_hashed_in_another_spelling_is_refused(admin: Person, spell: str) -> None:
    """A record whose hash is of its bytes as sent, and these not canonical, could be verified by nobody afterwards."""
    record = Instance().decision(user_id="ada", cost_usd=1)
    del record["hash"]
    text = json.dumps(dict(sorted(record.items())), separators=(",", ":"))
    text = {
        "blanks": text.replace(",", ", "),
        "float": text.replace('"cost_usd":1,', '"cost_usd":1.0,'),
        "escape": text.replace('"ada"', '"\\u0061da"'),
        "order": json.dumps(dict(sorted(record.items(), reverse=True)), separators=(",", ":")),
    }[spell]
    digest = hashlib.sha256(text.encode()).hexdigest()
    sent = '{"events":[{"hash":"sha256:' + digest + '",' + text[1:] + "]}"
    (rejected,) = admin.post("/v1/gateway/events", sent.encode()).json()["rejected"]
    assert (rejected["id"], rejected["code"]) == (record["id"], "not_canonical")


def test_any_spelling_of_the_json_is_checked_by_its_meaning(admin: Person) -> None:
    """Blanks and order are not part of the hash; a doubled member is."""
    record = Instance().decision()
    spelled = json.dumps({"events": [dict(reversed(record.items()))]}, indent=2).encode()
    assert admin.post("/v1/gateway/events", spelled).json()["accepted"] == [record["id"]]
    second = Instance("gwi_2").decision()
    doubled = json.dumps({"events": [second]})[:-3] + ', "verdict": "blocked"}]}'
    assert admin.post("/v1/gateway/events", doubled.encode()).json()["rejected"][0]["code"] == "hash_mismatch"


def test_a_chain_that_goes_on_has_no_breaks(control: Plane) -> None:
    """Over several batches, sent twice, two instances at once."""
    one, other = Instance("gwi_1"), Instance("gwi_2")
    first = [one.decision(), other.decision(), one.decision()]
    _send(control.admin, *first)
    _send(control.admin, *first, other.decision(), one.decision())
    assert _breaks(control) == []


def test_breaks_are_noted_and_not_refused(control: Plane) -> None:
    """A hole, an admitted hole, a foreign predecessor, a number that was there."""
    one = Instance()
    _send(control.admin, one.decision())
    one.lose(2)
    _send(control.admin, one.decision())
    assert _breaks(control) == [("missing", 2, 4)]
    _send(control.admin, one.gap(2, 3))
    assert _breaks(control) == [("admitted", 2, 4)]
    one.hash = "sha256:" + "0" * 64
    _send(control.admin, one.decision())
    one.sequence = 2
    assert len(_send(control.admin, one.decision())["accepted"]) == 1
    assert _breaks(control)[1:] == [("wrong_prev", 6, 6), ("repeated", 7, 3)]


def test_a_gap_record_is_an_event(admin: Person) -> None:
    """It is listed, and is no decision."""
    one = Instance()
    _send(admin, one.decision())
    record = one.gap(2, 5)
    _send(admin, record)
    assert _found(admin, "event_type=gap") == [record["id"]]
    assert admin.get("/v1/events/stats").json()["total"] == 1


def test_filters(admin: Person) -> None:
    """Each alone and together; what does not exist is found nowhere."""
    one = Instance()
    plain = one.decision(user_id="u1", model="gpt-5", configuration_id="cfg_1")
    blocked = one.decision("blocked", user_id="u2", agent_id="a2", gateway_id="gw_9", model="100%_sure")
    _send(admin, plain, blocked)
    wanted = {
        "verdict=blocked": [blocked], "verdict=allowed": [plain], "user_id=u1": [plain], "agent_id=a2": [blocked],
        "gateway_id=gw_9": [blocked], "model=gpt-5": [plain], "configuration_id=cfg_1": [plain],
        "provider=mock": [blocked, plain], "policy=secret-scanner": [blocked], "policy=rbac": [],
        "reason_code=secret_scanner.found": [blocked], "q=U1": [plain], "q=%25_s": [blocked], "q=_%25": [],
        f"q={plain['id'][4:]}": [plain], "verdict=blocked&user_id=u1": [], "event_type=decision": [blocked, plain],
        "user_id=nobody": [],
    }  # fmt: skip
    for query, records in wanted.items():
        assert _found(admin, query) == [record["id"] for record in records], query


def test_a_verdict_that_there_is_not(admin: Person) -> None:
    """It is refused, with those there are: an empty list would be taken for an answer."""
    for path in ("/v1/events", "/v1/events/stats", "/v1/events/stream"):
        refused = assert_problem(admin.get(f"{path}?verdict=block"), 422, "invalid_input")
        assert "'blocked'" in refused["errors"][0]["message"]


def test_time_filters(admin: Person) -> None:
    """From the first moment on, and up to the last one."""
    one = Instance()
    noon = 1_760_000_000.0
    records = [one.decision(at=noon + minute * 60) for minute in range(3)]
    _send(admin, *records)
    ids = [record["id"] for record in records]
    assert _found(admin, "since=2025-10-09T08:54:20Z") == [ids[2], ids[1]]
    assert _found(admin, "until=2025-10-09T10:54:20%2B02:00") == [ids[0]]
    assert _found(admin, "since=2025-10-09T08:54:20.000Z&until=2025-10-09T08:55:20Z") == [ids[1]]
    for text in ("yesterday", "2025-10-09", "2025-10-09T08:54:20", "0001-01-01T00:00:00%2B14:00"):
        assert_problem(admin.get(f"/v1/events?since={text}"), 422, "invalid_time")


def test_pages_by_the_gateways_clocks(admin: Person) -> None:
    """Newest first, whatever order they came in; a late one does not disturb the pages."""
    one = Instance()
    records = [one.decision(at=1_760_000_000 + number) for number in range(5)]
    _send(admin, *records[3:], *records[:3])
    first = admin.get("/v1/events?limit=2").json()
    _send(admin, one.decision())
    rest = admin.get(f"/v1/events?limit=5&cursor={first['next_cursor']}").json()
    seen = [event["id"] for page in (first, rest) for event in page["data"]]
    assert seen == [record["id"] for record in records][::-1]
    assert not rest["has_more"]


def test_stats(admin: Person) -> None:
    """Counts by verdict, of the last day unless said otherwise."""
    one = Instance()
    _send(admin, one.decision(), one.decision(), one.decision("blocked"), one.decision(at=time.time() - 2 * DAY))
    stats = admin.get("/v1/events/stats").json()
    assert (stats["total"], stats["verdicts"]) == (
        3, {"allowed": 2, "redacted": 0, "escalated": 0, "blocked": 1, "failed": 0},
    )  # fmt: skip
    assert admin.get("/v1/events/stats?since=2020-01-01T00:00:00Z&verdict=allowed").json()["total"] == 3


def test_an_event_belongs_to_the_keys_organisation(control: Plane) -> None:
    """Even of a gateway nobody knows; the same id elsewhere is another event."""
    record = Instance().decision(gateway_id="gw_unknown")
    other = control.other_admin()
    _send(control.admin, record)
    assert_problem(other.get(f"/v1/events/{record['id']}"), 404, "not_found")
    assert _found(other) == []
    assert _send(other, record)["accepted"] == [record["id"]]


def test_a_gateway_token_lends_its_gateway(control: Plane) -> None:
    """An event that names no gateway is found under the one that sent it."""
    gateway = control.admin.made("/v1/gateways", {"name": "edge"})
    token = control.admin.made(f"/v1/gateways/{gateway['id']}/tokens", {})["token"]
    record = Instance().decision()
    _send(Person(control.client, token, control.org, ""), record)
    assert _found(control.admin, f"gateway_id={gateway['id']}") == [record["id"]]


def test_webhooks_learn_of_it_without_content(still: Plane) -> None:
    """One message a decision, once, and never what was said."""
    one = Instance()
    record = one.decision("blocked", content={"text": "my secret"})
    still.admin.made("/v1/webhooks", {"url": "https://example.com/hook", "event_types": ["event.blocked"]})
    _send(still.admin, record, one.gap(9, 9))
    _send(still.admin, record)
    with still.services.store.read() as tx:
        told = tx.connection.execute(select(messages.c.type, messages.c.data)).all()
    (data,) = [data for kind, data in told if kind == "event.blocked"]
    assert (data["id"], data["verdict"], data["policies"]) == (record["id"], "blocked", ["secret-scanner"])
    assert "my secret" not in repr(told)


def test_what_a_shadow_would_have_done_is_not_done(still: Plane) -> None:
    """Neither webhooks nor the filter name a kind in shadow that objected."""
    lines = [
        {"kind": "secret-scanner", "verdict": "blocked", "mode": "enforce"},
        {"kind": "dlp-filter", "verdict": "blocked", "mode": "shadow"},
    ]
    record = Instance().decision("blocked", policies=lines)
    still.admin.made("/v1/webhooks", {"url": "https://example.com/hook", "event_types": ["event.blocked"]})
    _send(still.admin, record)
    with still.services.store.read() as tx:
        told = tx.connection.execute(select(messages.c.data)).scalars().all()
    assert [data["policies"] for data in told if data.get("id") == record["id"]] == [["secret-scanner"]]
    assert _found(still.admin, "policy=secret-scanner") == [record["id"]]
    assert _found(still.admin, "policy=dlp-filter") == []


@pytest.mark.parametrize("identifier", ["evt_", "evt_" + "0" * 31, "x", "evt_" + "G" * 32])
def test_no_such_event(admin: Person, identifier: str) -> None:
    """404, whatever the form."""
    assert_problem(admin.get(f"/v1/events/{identifier}"), 404, "not_found")
