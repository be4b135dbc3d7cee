"""
A control plane in memory that fails on demand: what a healthy one cannot be brought to do.

It keeps the contract that the provider relies on: problem+json, `ETag` and `If-Match`, `Idempotency-Key`, pages.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from keeptrusts.core.errors import InputError
from keeptrusts.policy.document import document_digest, normalise

KEY = "kt_key_test_0123456789abcdef"
PREFIXES = {"configurations": "cfg", "gateways": "gw", "webhooks": "wh"}
MADE_SECRET = "whsec_" + "TWFkZUJ5VGhlU2VydmVyTWFkZUJ5VGhlU2VydmVy"


class ProblemError(Exception):
    def __init__(self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.headers = headers or {}


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: Any

    @property
    def noun(self) -> str:
        return self.path.split("/")[2]


@dataclass
class Api:
    """
    The state behind it.

    Args:
        failures: Each is asked about every request before it is done; one that gives a problem is used up.
        on_made: Called with each object once it is stored and before the answer goes out.
    """

    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=dict)
    replays: dict[str, tuple[str, Any]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    failures: list[Callable[[Request], ProblemError | None]] = field(default_factory=list)
    on_made: Callable[[dict[str, Any]], None] = lambda made: None
    clock: int = 0
    url: str = ""
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def environment(self) -> dict[str, str]:
        return {"KEEPTRUSTS_API_URL": self.url, "KEEPTRUSTS_API_TOKEN": KEY}

    def of(self, noun: str) -> list[dict[str, Any]]:
        return [one for identifier, one in self.objects.items() if identifier.startswith(PREFIXES[noun] + "_")]

    def calls(self, method: str, noun: str = "configurations") -> int:
        return sum(one.method == method and one.noun == noun for one in self.requests)

    def fail(self, method: str, status: int, code: str, times: int = 1, **headers: str) -> None:
        """Refuse the next requests of this method."""

        def refuse(request: Request) -> ProblemError | None:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return ProblemError(status, code, f"told to answer {status}", named) if request.method == method else None

        self.failures += [refuse] * times

    def edit(self, identifier: str, **changes: Any) -> None:
        """A change by somebody else."""
        with self.lock:
            self.objects[identifier] |= changes | {"updated_by": "key_somebody"}
            if "policy_yaml" in changes:
                self.objects[identifier]["content_digest"] = document_digest(changes["policy_yaml"])
                self.objects[identifier]["version"] += 1
            self._touch(identifier)

    def answer(self, request: Request) -> tuple[int, Any, dict[str, str]]:
        self.requests.append(request)
        if request.headers.get("authorization") != f"Bearer {KEY}":
            raise ProblemError(401, "invalid_api_key", "the API key is not known")
        for failure in list(self.failures):
            problem = failure(request)
            if problem is not None:
                self.failures.remove(failure)
                raise problem
        with self.lock:
            return self._route(request)

    def _route(self, request: Request) -> tuple[int, Any, dict[str, str]]:
        match (request.method, request.path.split("/")[2:]):
            case ("GET", ["whoami"]):
                return 200, {"organisation": "org_1", "organisation_name": "acme", "key_id": "key_1"}, {}
            case ("GET", ["audit-log"]):
                return 200, {"data": [], "next_cursor": None, "has_more": False}, {}
            case ("GET", [noun]):
                wanted = [one for one in self.of(noun) if request.query.get("name") in (None, one.get("name"))]
                shown = [self._shown(one) for one in wanted]
                return 200, {"data": shown[::-1], "next_cursor": None, "has_more": False}, {}
            case ("POST", [noun]):
                return self._make(noun, request)
            case ("POST", [_, identifier, "rotate-secret"]):
                return 200, self._shown(self._found(identifier)) | {"secret": MADE_SECRET}, {}
            case (method, [_, identifier]):
                return self._one(method, identifier, request)
            case _:
                raise ProblemError(404, "not_found", "there is nothing at this address")

    def _make(self, noun: str, request: Request) -> tuple[int, Any, dict[str, str]]:
        key = request.headers.get("idempotency-key", "")
        body = json.dumps(request.body, sort_keys=True)
        if key in self.replays:
            if self.replays[key][0] != body:
                raise ProblemError(409, "idempotency_key_reused", "this key was used for another request")
            return 201, self.replays[key][1], {"Idempotency-Replayed": "true"}
        if any(one.get("name") == request.body.get("name", object()) for one in self.of(noun)):
            raise ProblemError(409, "name_taken", "another one has this name; choose another, or import that one")
        made = _DEFAULTS[noun](request.body)
        made["id"] = f"{PREFIXES[noun]}_{len(self.replays):032x}"
        self.objects[made["id"]] = made
        self._touch(made["id"])
        made["created_at"] = made["updated_at"]
        secret = {"secret": MADE_SECRET} if noun == "webhooks" and "secret" not in request.body else {}
        answer = json.loads(json.dumps(self._shown(made) | secret))
        self.replays[key] = (body, answer)
        self.on_made(made)
        return 201, answer, {"ETag": self._etag(made["id"])}

    def _one(self, method: str, identifier: str, request: Request) -> tuple[int, Any, dict[str, str]]:
        found = self._found(identifier)
        if method == "GET":
            return 200, self._shown(found), {"ETag": self._etag(identifier)}
        if request.headers.get("if-match", self._etag(identifier)) != self._etag(identifier):
            raise ProblemError(412, "version_conflict", "it was changed since you read it")
        if method == "DELETE":
            users = [one["name"] for one in self.of("gateways") if one["configuration_id"] == identifier]
            if users:
                raise ProblemError(409, "in_use", f"gateways use it: {', '.join(users)}; give them another first")
            del self.objects[identifier]
            return 204, None, {}
        patch = {name: value for name, value in request.body.items() if name not in {"message", "secret"}}
        if "headers" in patch:
            patch["header_names"] = sorted(patch.pop("headers") or {})
        if patch.get("format", "") is None:
            patch["format"] = "standard"
        found |= patch | {"updated_by": "key_1"}
        if "policy_yaml" in patch:
            _read(found)
            found["version"] += 1
        self._touch(identifier)
        return 200, self._shown(found), {"ETag": self._etag(identifier)}

    def _found(self, identifier: str) -> dict[str, Any]:
        if identifier not in self.objects:
            raise ProblemError(404, "not_found", "there is no such object")
        return self.objects[identifier]

    def _shown(self, one: dict[str, Any]) -> dict[str, Any]:
        if "configuration_id" in one:
            wanted = self.objects.get(one["configuration_id"] or "", {})
            return one | {"desired_digest": wanted.get("content_digest")}
        return one

    def _touch(self, identifier: str) -> None:
        self.clock += 1
        self.revisions[identifier] = self.revisions.get(identifier, 0) + 1
        self.objects[identifier]["updated_at"] = f"2030-01-01T00:00:00.{self.clock:06d}Z"

    def _etag(self, identifier: str) -> str:
        return f'"r{self.revisions[identifier]}"'


def _configuration(body: dict[str, Any]) -> dict[str, Any]:
    made = {"description": None, "labels": {}, "managed_by": "api", "version": 1, "updated_by": "key_1", **body}
    made.pop("message", None)
    _read(made)
    return made


def _read(made: dict[str, Any]) -> None:
    try:
        made["content_digest"] = document_digest(made["policy_yaml"])
        made["policy_kinds"] = normalise(made["policy_yaml"])["policies"]["chain"]
    except InputError as error:
        raise ProblemError(422, "invalid_policy", str(error)) from None


def _gateway(body: dict[str, Any]) -> dict[str, Any]:
    absent = dict.fromkeys(("description", "environment", "configuration_id", "configuration_version"))
    absent |= {"labels": {}, "fail_mode": "block", "deployment": {"strategy": "all"}, "stable": None}
    return absent | {"instances": [], "status": "never_seen", **body}


def _webhook(body: dict[str, Any]) -> dict[str, Any]:
    made = {"description": None, "active": True, "format": "standard", "secret_version": 1, **body}
    made.pop("secret", None)
    return made | {"header_names": sorted(made.pop("headers", None) or {}), "disabled_reason": None}


_DEFAULTS = {"configurations": _configuration, "gateways": _gateway, "webhooks": _webhook}


@contextmanager
def serve() -> Iterator[Api]:
    """A fresh one on a free port."""
    api = Api()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _handle(self) -> None:
            parts = urlsplit(self.path)
            size = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            named = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, parts.path, dict(parse_qsl(parts.query)), named, body)
            try:
                status, value, headers = api.answer(request)
            except ProblemError as problem:
                status, headers = problem.status, dict(problem.headers)
                value = {"status": status, "code": problem.code, "detail": str(problem), "request_id": "req_1"}
            content = b"" if value is None else json.dumps(value).encode()
            self.send_response(status)
            for name, header in headers.items():
                self.send_header(name, header)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = _handle  # noqa: N815 - http.server's names

        def log_message(self, *arguments: object) -> None:
            """Nothing: the test looks at `requests`."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that went away in the middle is what some tests are about."""

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        api.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield api
        finally:
            server.shutdown()
            thread.join()


def wait_until(true: Callable[[], bool], seconds: float = 30) -> None:
    """Until something is so."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it never came to be"
        time.sleep(0.02)
