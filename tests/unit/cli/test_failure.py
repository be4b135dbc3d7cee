"""How commands end that did not do what they were asked."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from keeptrusts.cli.failure import Failure, exit_status, suggestion
from keeptrusts.cli.output import confirm, say
from keeptrusts.core.errors import (
    ApiError,
    ApiUnreachableError,
    InputError,
    KeeptrustsError,
    NotAuthorisedError,
    NotFoundError,
)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (KeeptrustsError("x"), 1),
        (ApiUnreachableError("x"), 1),
        (ApiError("x", status=500), 1),
        (ApiError("x", status=429), 1),
        (ApiError("x", status=404), 2),
        (ApiError("x", status=409), 2),
        (ApiError("x", status=422), 2),
        (InputError("x"), 2),
        (NotFoundError("x"), 2),
        (ApiError("x", status=401), 4),
        (ApiError("x", status=403), 4),
        (NotAuthorisedError("x"), 4),
    ],
)
def test_each_kind_of_failure_has_its_status(error: KeeptrustsError, status: int) -> None:
    """Scripts tell a wrong input from a failed network from a missing right."""
    assert exit_status(error) == status
    assert Failure(error).exit_code == status


def test_a_failure_says_what_where_and_what_next() -> None:
    """Code, message, request, each fault with its place, and the next step."""
    error = ApiError(
        "the document has 1 errors", code="invalid_policy", status=422, request_id="req_1",
        errors=({"path": "policies.chain", "code": "E010", "message": "there is no kind `pii`", "line": 3, "column": 7,
                 "suggestion": "pii-detector"},),
    )  # fmt: skip
    with CliRunner().isolation() as streams:
        Failure(error, "run `kt policy lint`").show()
        said = streams[1].getvalue().decode()
    assert said.splitlines() == [
        "error[invalid_policy]: the document has 1 errors (request `req_1`)",
        "  policies.chain (line 3, column 7): there is no kind `pii`",
        "    help: pii-detector",
        "  next: run `kt policy lint`",
    ]


def test_an_answer_of_somebody_else_leads_to_the_address() -> None:
    """What is no control plane of ours explains nothing, so we say where to look."""
    assert "kt doctor" in suggestion(ApiError("status 404 and no explanation", code="unexpected_answer", status=404))


def test_names_of_others_reach_the_terminal_as_letters_alone() -> None:
    """What could move its cursor, paint it or look like another line is not passed on."""
    hostile = "a\x1b]0;owned\x07\nerror: b\u202ec"
    error = ApiError("x", status=422, errors=({"path": "name", "message": hostile, "suggestion": hostile},))
    with CliRunner().isolation() as streams:
        Failure(error, f"use one of `{hostile}`").show()
        say(f"deleted `{hostile}`")
        said = streams[1].getvalue().decode()
    assert all(letter.isprintable() or letter == "\n" for letter in said)
    assert "  next: use one of `a ]0;owned  error: b c`" in said.splitlines()


def test_a_question_shows_names_as_letters_alone() -> None:
    """The one place where somebody reads closely before they answer."""
    with CliRunner().isolation("y\n") as streams:
        confirm("delete `a\x1b[2Jb`?")
        assert "delete `a [2Jb`? [y/N]: " in streams[1].getvalue().decode()
