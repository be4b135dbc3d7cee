"""Tries, pauses and failures around one request."""

from __future__ import annotations

import json

import pytest

from keeptrusts.client.calls import Calls
from keeptrusts.client.exchange import LostError
from keeptrusts.core.errors import ApiError, ApiUnreachableError
from support.scripted import Said, Script, problem


def calls(script: Script, pauses: list[float] | None = None, max_retries: int = 4) -> Calls:
    return Calls(script, pause=(pauses if pauses is not None else []).append, max_retries=max_retries)


def unsent() -> LostError:
    return LostError("no connection could be made", unsent=True)


def lost() -> LostError:
    return LostError("the connection was lost")


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_read_is_tried_again(status: int) -> None:
    """What passes by itself is waited for."""
    script = Script(problem(status, "busy"), lost(), Said(200, {"id": "cfg_1"}))
    assert calls(script).get("/v1/configurations/cfg_1").value == {"id": "cfg_1"}
    assert len(script.requests) == 3


def test_tries_are_counted() -> None:
    """After as many retries as are allowed, the last failure is the caller's."""
    script = Script(*[problem(503, "store_unavailable", "the database is away") for _ in range(3)])
    with pytest.raises(ApiError, match=r"the database is away \(request `req_1`\)") as caught:
        calls(script, max_retries=2).get("/v1/whoami")
    assert (caught.value.status, caught.value.code, caught.value.request_id) == (503, "store_unavailable", "req_1")
    assert len(script.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 422, 500])
def test_a_refusal_is_not_tried_again(status: int) -> None:
    """What will not change by waiting is told at once, with every fault."""
    items = [{"path": "name", "code": "required", "message": "this field is required"}]
    script = Script(problem(status, "invalid_input", errors=items))
    with pytest.raises(ApiError) as caught:
        calls(script).get("/v1/configurations")
    assert caught.value.errors == tuple(items)
    assert len(script.requests) == 1


def test_the_server_says_how_long() -> None:
    """The pause is at least what `Retry-After` asks."""
    pauses: list[float] = []
    calls(Script(problem(429, "rate_limited", retry_after=3), Said(200, {})), pauses).get("/v1/whoami")
    assert sum(pauses) >= 3


def test_a_server_that_asks_for_too_long_is_not_waited_for() -> None:
    """A pause of an hour is the caller's decision."""
    with pytest.raises(ApiError) as caught:
        calls(Script(problem(429, "rate_limited", retry_after=3600))).get("/v1/whoami")
    assert caught.value.retry_after == 3600


def test_a_create_keeps_its_key_over_all_tries() -> None:
    """A create that is sent again makes one object."""
    script = Script(lost(), problem(502, "bad_gateway"), Said(201, {"id": "cfg_1"}))
    calls(script).post("/v1/configurations", {"name": "a"})
    keys = [request.headers["idempotency-key"] for request in script.requests]
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert len(keys[0]) >= 16


def test_two_creates_have_two_keys() -> None:
    """Two calls are two objects, unless the caller names the key."""
    script = Script(Said(201, {}), Said(201, {}), Said(201, {}))
    asking = calls(script)
    asking.post("/v1/tokens", {})
    asking.post("/v1/tokens", {})
    asking.post("/v1/tokens", {}, idempotency_key="mine")
    first, second, third = (request.headers["idempotency-key"] for request in script.requests)
    assert first != second
    assert third == "mine"


@pytest.mark.parametrize("again", [unsent(), problem(429, "rate_limited"), problem(503, "store_unavailable")])
def test_a_change_that_was_not_made_is_sent_again(again: Said | LostError) -> None:
    """A PATCH is repeated when it certainly did nothing."""
    script = Script(again, Said(200, {"id": "cfg_1"}))
    calls(script).patch("/v1/configurations/cfg_1", {"name": "b"}, if_match='"r1"')
    assert [request.headers["if-match"] for request in script.requests] == ['"r1"', '"r1"']


def test_a_change_whose_answer_was_lost_is_not_sent_again() -> None:
    """A PATCH that may have been made is the caller's to look into."""
    script = Script(lost())
    with pytest.raises(ApiUnreachableError, match="the change may have been made: read it before another try"):
        calls(script).patch("/v1/configurations/cfg_1", {"name": "b"})
    assert len(script.requests) == 1


@pytest.mark.parametrize("status", [502, 504])
def test_a_change_that_a_proxy_gave_up_on_is_not_sent_again(status: int) -> None:
    """Behind a proxy's timeout the change may have been made."""
    with pytest.raises(ApiError):
        calls(Script(problem(status, "gateway_timeout"))).patch("/v1/configurations/cfg_1", {"name": "b"})


def test_an_answer_that_breaks_off_counts_as_lost() -> None:
    """A read whose body is cut is read again; a change is not."""
    cut = (b'{"id": ',)
    assert calls(Script(Said(200, pieces=cut, lost=True), Said(200, {"id": "x"}))).get("/v1/x").value == {"id": "x"}
    with pytest.raises(ApiUnreachableError):
        calls(Script(Said(200, pieces=cut, lost=True))).patch("/v1/x", {})


def test_a_repeated_delete_that_finds_nothing_has_deleted() -> None:
    """The first try did it, only its answer was lost."""
    calls(Script(lost(), problem(404, "not_found"))).delete("/v1/webhooks/wh_1")


@pytest.mark.parametrize("before", [(), (unsent(),), (problem(503, "store_unavailable"),)])
def test_a_delete_of_what_never_was_is_a_404(before: tuple[Said | LostError, ...]) -> None:
    """Only a try that may have been carried out explains a 404."""
    with pytest.raises(ApiError) as caught:
        calls(Script(*before, problem(404, "not_found"))).delete("/v1/webhooks/wh_1")
    assert caught.value.status == 404


def test_a_bad_certificate_is_not_tried_again() -> None:
    """It will not be better in a second."""
    script = Script(LostError("its certificate does not verify", unsent=True, final=True))
    with pytest.raises(ApiUnreachableError, match="certificate"):
        calls(script).get("/v1/whoami")
    assert len(script.requests) == 1


def test_stop_ends_the_trying() -> None:
    """Ctrl-C during a pause ends in the failure at hand, and sends nothing more."""
    script = Script(problem(503, "store_unavailable"), Said(200, {}))
    stopping: list[float] = []
    asking = Calls(script, stop=lambda: len(stopping) >= 2, pause=stopping.append)
    with pytest.raises(ApiError) as caught:
        asking.get("/v1/whoami")
    assert caught.value.status == 503
    assert len(script.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        Said(502, pieces=(b"<html>Bad Gateway</html>",)),
        Said(502, pieces=(b"",)),
        Said(502, pieces=(b"\xff\xfe",)),
        Said(502, pieces=(b'["a"]',)),
        Said(502, pieces=(b'{"detail": "x', b"")),
        Said(502, {"errors": "nonsense"}),
    ],
)
def test_a_refusal_that_is_no_problem_document_has_a_name(answer: Said) -> None:
    """A proxy's page is not an explanation; the status is told."""
    with pytest.raises(ApiError, match="status 502 and no explanation") as caught:
        calls(Script(answer), max_retries=0).get("/v1/whoami")
    assert (caught.value.code, caught.value.errors) == ("unexpected_answer", ())


def test_a_success_that_is_not_json_is_a_failure() -> None:
    """An address that leads to some web page is named as such."""
    with pytest.raises(ApiError, match="check that the API URL leads to") as caught:
        calls(Script(Said(200, pieces=(b"<html></html>",), headers={"x-request-id": "req_9"}))).get("/v1/whoami")
    assert (caught.value.code, caught.value.request_id) == ("unreadable_answer", "req_9")


def test_every_answer_is_closed() -> None:
    """No connection is left hanging, whatever the answer."""
    answers = [problem(503, "busy"), Said(200, pieces=(b"{",), lost=True), Said(200, {})]
    calls(Script(*answers)).get("/v1/whoami")
    assert [answer.closed for answer in answers] == [True, True, True]


def test_a_body_is_json_in_utf8() -> None:
    """What is sent is what was given."""
    script = Script(Said(201, {}))
    calls(script).post("/v1/configurations", {"name": "Zoë", "labels": {}})
    (request,) = script.requests
    assert json.loads(request.body or b"") == {"name": "Zoë", "labels": {}}
    assert request.headers["content-type"] == "application/json"


def test_a_query_leaves_out_what_is_none() -> None:
    """A filter that was not given is not sent."""
    script = Script(Said(200, {}))
    calls(script).get("/v1/events", {"verdict": "blocked", "since": None, "limit": 5})
    assert script.requests[0].query == (("verdict", "blocked"), ("limit", "5"))
