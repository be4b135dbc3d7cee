"""The OpenAPI document is true: requests made from it, and made to break it, are answered as it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from keeptrusts.store.engine import open_engine
from keeptrusts.store.migrating import migrate
from keeptrusts.store.transaction import Store
from support import postgres
from support.server import Server

pytestmark = pytest.mark.acceptance

CASES: Final = int(os.environ.get("KEEPTRUSTS_SCHEMA_CASES", "0"))
"""Made at random for each operation and engine, beside those that cover its schema. A nightly run sets 100."""
ENGINES: Final = ("postgresql", "sqlite") if CASES else ("postgresql",)
TIMEOUT_S: Final = 280 + 20 * CASES
SCHEMATHESIS: Final = Path(sys.executable).with_name("schemathesis")
SETTINGS: Final = """\
[checks.positive_data_acceptance]
# what a schema cannot say is refused: a document that does not lint, a cursor that no list gave, a revision long gone
expected-statuses = ["2xx", 304, 401, 403, 404, 409, 412, 415, 422]
"""


@pytest.fixture(params=ENGINES)
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """A control plane that nobody used yet."""
    options = ["--rate-limit", "10000000"]
    if request.param == "sqlite":
        with Server(tmp_path, *options) as server:
            yield server
        return
    with postgres.server() as url:
        engine = open_engine(url)
        migrate(Store(engine))
        engine.dispose()
        with Server(tmp_path, *options, "--database-url", url) as server:
            yield server


def test_every_route_is_as_the_document_says(served: Server, tmp_path: Path) -> None:
    """Statuses, bodies, headers and credentials of all routes but the endless one; no answer is a 5xx."""
    settings = tmp_path / "schemathesis.toml"
    settings.write_text(SETTINGS)
    phases = ("coverage", "fuzzing") if CASES else ("coverage",)
    command = [
        str(SCHEMATHESIS), "--config-file", str(settings), "run", f"{served.url}/openapi.json",
        "--header", f"Authorization: Bearer {served.admin_key}", "--checks", "all", "--phases", ",".join(phases),
        "--max-examples", str(CASES or 1), "--generation-deterministic", "--exclude-path", "/v1/events/stream",
        "--continue-on-failure", "--warnings", "off", "--no-color",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]
    tested = re.search(r"Tested: (\d+)", done.stdout)
    assert tested, done.stdout[-3000:]
    assert int(tested[1]) >= 80
    assert [line for line in served.lines() if line["level"] == "error"] == []
