"""A control plane in memory, on either engine, and people who talk to it."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from httpx2 import Response
from starlette.testclient import TestClient

from keeptrusts.api.names import Role
from keeptrusts.control.app import create_app, make_services
from keeptrusts.control.services import Services
from keeptrusts.control.settings import Settings
from keeptrusts.control.workers import WORKERS, Worker
from keeptrusts.store.engine import open_engine
from keeptrusts.store.keys import Keys, NewKey
from keeptrusts.store.migrating import migrate
from keeptrusts.store.organisations import make_organisation
from keeptrusts.store.transaction import Store

POLICY = """\
pack:
  name: support
  version: "1.0.0"
  enabled: true
providers:
  targets:
    - id: primary
      provider: mock
policies:
  chain:
    - token-limit
    - audit-logger
policy:
  token-limit:
    max_tokens: 1000
  audit-logger: {}
"""
"""A document that lints."""

OTHER_POLICY = POLICY.replace('version: "1.0.0"', 'version: "1.1.0"')
"""Another one."""


class Databases:
    """Fresh, migrated databases, each a copy of one that was migrated once."""

    def __init__(self, folder: Path, postgres_url: str | None) -> None:
        self._folder = folder
        self._postgres = postgres_url
        self._made = False

    def fresh(self) -> str:
        """The URL of a new one."""
        return self._fresh_postgres() if self._postgres else self._fresh_sqlite()

    def empty(self) -> str:
        """The URL of one that was never migrated."""
        name = f"kt_{uuid.uuid4().hex}"
        if not self._postgres:
            return f"sqlite:///{self._folder / name}.db"
        self._execute(f"CREATE DATABASE {name}")
        return self._url(name)

    def _fresh_sqlite(self) -> str:
        template = self._folder / "template.db"
        if not self._made:
            _migrate(f"sqlite:///{template}")
            self._made = True
        copy = self._folder / f"{uuid.uuid4().hex}.db"
        shutil.copyfile(template, copy)
        return f"sqlite:///{copy}"

    def _fresh_postgres(self) -> str:
        if not self._made:
            # pytest may build this object anew for the same server
            self._execute("DROP DATABASE IF EXISTS kt_template WITH (FORCE)")
            self._execute("CREATE DATABASE kt_template")
            _migrate(self._url("kt_template"))
            self._made = True
        name = f"kt_{uuid.uuid4().hex}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE kt_template")
        return self._url(name)

    def _url(self, name: str) -> str:
        return str(self._postgres).rpartition("/")[0] + f"/{name}"

    def _execute(self, statement: str) -> None:
        with psycopg.connect(str(self._postgres), autocommit=True) as connection:
            connection.execute(statement.encode())


def _migrate(url: str) -> None:
    engine = open_engine(url)
    migrate(Store(engine))
    engine.dispose()


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a key, and what they say."""

    client: TestClient
    token: str
    org: str
    key_id: str

    def say(self, method: str, path: str, body: object = None, **headers: str) -> Response:
        """One request. Keyword arguments are headers, with `_` for `-`."""
        sent = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        if body is None:
            return self.client.request(method, path, headers=sent)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.request(method, path, headers={"Content-Type": "application/json", **sent}, content=content)

    def get(self, path: str, **headers: str) -> Response:
        return self.say("GET", path, **headers)

    def post(self, path: str, body: object = None, **headers: str) -> Response:
        return self.say("POST", path, {} if body is None else body, **headers)

    def patch(self, path: str, body: object, **headers: str) -> Response:
        return self.say("PATCH", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Response:
        return self.say("DELETE", path, **headers)

    def made(self, path: str, body: object, **headers: str) -> dict[str, Any]:
        """POST that has to succeed; the object."""
        answer = self.post(path, body, **headers)
        assert answer.status_code in {200, 201, 202}, answer.text
        found: dict[str, Any] = answer.json()
        return found


@dataclass(frozen=True, slots=True)
class Plane:
    """A running control plane with one organisation; more can be made."""

    client: TestClient
    services: Services
    org: str
    admin: Person

    def person(self, role: Role, *, org: str | None = None, scopes: tuple[str, ...] = ()) -> Person:
        """Somebody of this role."""
        return _person(self.client, self.services, org or self.org, NewKey(name=role, role=role, scopes=scopes))

    def other_admin(self) -> Person:
        """The admin of another organisation."""
        return self.person("admin", org=_organisation(self.services, "other"))

    @property
    def anonymous(self) -> Person:
        """Somebody without a key."""
        return Person(self.client, "", "", "")


@contextmanager
def plane(settings: Settings, background: Sequence[Worker] = WORKERS) -> Iterator[Plane]:
    """Serve a migrated database."""
    services = make_services(settings)
    org = _organisation(services, "first")
    with TestClient(create_app(settings, services, background), raise_server_exceptions=False) as client:
        admin = _person(client, services, org, NewKey(name="admin", role="admin"))
        yield Plane(client, services, org, admin)


def _organisation(services: Services, name: str) -> str:
    with services.store.write() as tx:
        return make_organisation(tx.connection, name, at=tx.now)


def _person(client: TestClient, services: Services, org: str, wanted: NewKey) -> Person:
    with services.store.write() as tx:
        key, token = Keys(tx.connection, org).make(wanted, at=tx.now)
    return Person(client, token, org, key["id"])


def assert_problem(answer: Response, status: int, code: str) -> dict[str, Any]:
    """The one error form; the problem."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    problem: dict[str, Any] = answer.json()
    assert set(problem) - {"errors"} == {"type", "title", "status", "detail", "code", "request_id"}
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["request_id"] == answer.headers["x-request-id"]
    return problem
