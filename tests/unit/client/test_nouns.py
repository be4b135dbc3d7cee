"""Lists, single objects, streams and downloads."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from itertools import islice, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeptrusts.client.calls import Calls
from keeptrusts.client.collection import Fetched, at
from keeptrusts.client.configurations import Configurations
from keeptrusts.client.events import Events
from keeptrusts.client.exchange import LostError
from keeptrusts.client.exports import Exports
from keeptrusts.client.sse import Frame, frames
from keeptrusts.core.errors import ApiError, ApiUnreachableError
from support.scripted import Said, Script, problem


def asking(script: Script, stop: Callable[[], bool] | None = None, *, max_retries: int = 4) -> Calls:
    return Calls(script, stop=stop, max_retries=max_retries, pause=lambda _seconds: None)


def page(names: list[str], cursor: str | None = None) -> Said:
    return Said(
        200, {"data": [{"name": name} for name in names], "next_cursor": cursor, "has_more": cursor is not None}
    )


def test_a_list_goes_on_over_its_pages() -> None:
    """Every item comes once, in order, and a page is fetched only when it is needed."""
    script = Script(page(["a", "b"], "c1"), page(["c"]))
    found = Configurations(asking(script)).each({"label.team": "x"})
    assert [next(found)["name"], next(found)["name"]] == ["a", "b"]
    assert len(script.requests) == 1
    assert [one["name"] for one in found] == ["c"]
    assert dict(script.requests[1].query) == {"label.team": "x", "limit": "200", "cursor": "c1"}


def test_a_list_ends_when_the_server_says_so() -> None:
    """`has_more` without a cursor is no endless loop."""
    script = Script(Said(200, {"data": [], "next_cursor": None, "has_more": True}))
    assert list(Configurations(asking(script)).each()) == []


def test_find_by_name() -> None:
    """A name leads to its object, or to nothing."""
    configurations = Configurations(asking(Script(page(["production"]), page([]))))
    found = configurations.find("production")
    assert found is not None
    assert found["name"] == "production"
    assert configurations.find("nobody") is None


def test_made_or_found_again() -> None:
    """Whoever makes an object with the key of an earlier try is told that it is that one's."""
    again = Said(201, {"id": "cfg_1"}, {"idempotency-replayed": "true"})
    script = Script(Said(201, {"id": "cfg_1"}), again)
    configurations = Configurations(asking(script))
    draft: Any = {"name": "a", "policy_yaml": "x"}
    made = [configurations.make(draft, idempotency_key="k") for _ in range(2)]
    assert [(one.value["id"], one.replayed) for one in made] == [("cfg_1", False), ("cfg_1", True)]
    assert [request.headers["idempotency-key"] for request in script.requests] == ["k", "k"]


def test_fetch_brings_the_tag_along() -> None:
    """What `If-Match` needs comes with the object."""
    found: Fetched[Any] = Configurations(asking(Script(Said(200, {"id": "cfg_1"}, {"etag": '"r3"'})))).fetch("cfg_1")
    assert found == Fetched({"id": "cfg_1"}, '"r3"')


@pytest.mark.parametrize("identifier", ["../tokens", "a/b", "a?b=c", "a#b", "%2e%2e", "..", ".", "", "é"])
def test_an_id_cannot_lead_elsewhere(identifier: str) -> None:
    """Whatever a user types as an id stays one step of the path."""
    path = at("/v1/configurations", identifier)
    step = path.removeprefix("/v1/configurations/")
    assert not set(step) & set("/?#")
    assert step not in {".", ".."}


EVENTS = b': from 1\n\nid: 1\nevent: decision\ndata: {"id":"evt_1"}\n\nid: 2\nevent: decision\ndata: {"id":"evt_2"}\n\n'


@given(st.lists(st.integers(0, len(EVENTS)), max_size=12))
def test_frames_are_the_same_however_the_stream_is_cut(cuts: list[int]) -> None:
    """No cut of the bytes loses, doubles or changes an event."""
    edges = sorted({0, len(EVENTS), *cuts})
    pieces = [EVENTS[begin:end] for begin, end in pairwise(edges)]
    assert list(frames(pieces)) == [Frame("1", {"id": "evt_1"}), Frame("2", {"id": "evt_2"})]


def test_an_unfinished_frame_is_dropped() -> None:
    """Half an event is none."""
    assert list(frames([b'id: 1\ndata: {"a":1}\n\nid: 2\ndata: {"a":'])) == [Frame("1", {"a": 1})]


def stream(*identifiers: int, lost: bool = False) -> Said:
    text = "".join(f'id: {one}\ndata: {{"id":"evt_{one}"}}\n\n' for one in identifiers)
    return Said(200, pieces=(text.encode(),), lost=lost)


def test_a_stream_is_taken_up_where_it_broke_off() -> None:
    """After a lost connection the last id seen is sent back, and events go on."""
    script = Script(stream(1, 2, lost=True), LostError("no", unsent=True), stream(3))
    found = list(islice(Events(asking(script)).stream({"verdict": "blocked"}), 3))
    assert [one["id"] for one in found] == ["evt_1", "evt_2", "evt_3"]
    assert [request.headers.get("last-event-id") for request in script.requests] == [None, "2", "2"]
    assert {request.query for request in script.requests} == {(("verdict", "blocked"),)}


def test_a_stream_that_ends_is_taken_up_too() -> None:
    """A control plane that restarts ends its streams in order; the client comes back."""
    script = Script(stream(1), stream(2))
    assert [one["id"] for one in islice(Events(asking(script)).stream(), 2)] == ["evt_1", "evt_2"]


def test_a_stream_without_events_is_given_up() -> None:
    """As many connections in a row as are allowed may bring nothing."""
    script = Script(*[stream() for _ in range(3)])
    with pytest.raises(ApiUnreachableError, match="ended the stream"):
        list(Events(asking(script, max_retries=2)).stream())
    assert len(script.requests) == 3


def test_stop_ends_a_stream() -> None:
    """Whoever asked for an end gets it at the next connection."""
    seen: list[str] = []
    events = Events(asking(Script(stream(1)), stop=lambda: bool(seen)))
    with pytest.raises(ApiUnreachableError):
        seen.extend(one["id"] for one in events.stream())
    assert list(Events(asking(Script(), stop=lambda: True)).stream()) == []


def test_connected_is_told_once() -> None:
    """Who lists what was before does so once, before the first event."""
    told: list[str] = []
    script = Script(stream(1, lost=True), stream(2))
    coming = Events(asking(script)).stream(connected=lambda: told.append("connected"))
    told += [next(coming)["id"]]
    told += [next(coming)["id"]]
    assert told == ["connected", "evt_1", "evt_2"]


def test_a_stream_of_nonsense_is_named() -> None:
    """What is no JSON is not an event."""
    with pytest.raises(ApiError) as caught:
        list(Events(asking(Script(Said(200, pieces=(b"data: {\n\n",))))).stream())
    assert caught.value.code == "unreadable_answer"


def test_a_download_is_handed_on_piece_by_piece() -> None:
    """Size and digest are of exactly what was written."""
    written: list[bytes] = []
    got = Exports(asking(Script(Said(200, pieces=(b"a,b\r\n", b"1,2\r\n"))))).download("exp_1", written.append)
    assert written == [b"a,b\r\n", b"1,2\r\n"]
    assert (got.size_bytes, got.sha256) == (10, hashlib.sha256(b"a,b\r\n1,2\r\n").hexdigest())


def test_half_a_download_is_a_failure() -> None:
    """A connection that breaks never passes for an archive."""
    with pytest.raises(ApiUnreachableError, match="stopped after 5 bytes"):
        Exports(asking(Script(Said(200, pieces=(b"a,b\r\n",), lost=True)))).download("exp_1", lambda _piece: None)


def test_a_download_that_is_refused_says_why() -> None:
    """An archive that has expired is not an empty file."""
    with pytest.raises(ApiError) as caught:
        Exports(asking(Script(problem(409, "not_completed")))).download("exp_1", lambda _piece: None)
    assert caught.value.code == "not_completed"
