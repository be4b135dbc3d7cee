"""
The minimal Go provider of `terraform_go`, built where there is a Go toolchain.

Its packages come as sources from Debian (`golang-github-hashicorp-go-plugin-dev`, `golang-google-grpc-dev`,
`golang-google-protobuf-dev`, `golang-github-vmihailenco-msgpack.v5-dev`), or from wherever `KEEPTRUSTS_GOPATH` says.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from keeptrusts.terraform.plugin.messages import ANSWERS
from keeptrusts.terraform.resources.configuration import ConfigurationState
from keeptrusts.terraform.schema import describe

SOURCE: Final = Path(__file__).parent / "terraform_go"
PACKAGES: Final = "/usr/share/gocode"
NAME: Final = "terraform-provider-minimal_v1.0.0"
PLACE: Final = "registry.terraform.io/bench/minimal/1.0.0"
HEAD: Final = 'terraform {\n  required_providers {\n    minimal = { source = "bench/minimal" }\n  }\n}\n'
NOW: Final = "2030-01-01T00:00:00Z"

_DATA: Final = {
    "block": {
        "attributes": [
            {"name": "input", "type": b'"dynamic"', "optional": True},
            {"name": "output", "type": b'"dynamic"', "computed": True},
            {"name": "triggers_replace", "type": b'"dynamic"', "optional": True},
            {"name": "id", "type": b'"string"', "computed": True},
        ]
    }
}
MADE: Final[Mapping[str, Mapping[str, Any]]] = {
    "minimal_data": {"id": "made", "output": None},
    "minimal_configuration": {
        "id": "cfg_0",
        "version": 1,
        "content_digest": "0" * 64,
        "effective_labels": {},
        "policy_kinds": ["prompt-injection", "audit-logger"],
        "created_at": NOW,
        "updated_at": NOW,
        "allow_weakening": True,
        "deletion_protection": False,
    },
}
"""Types -> what an apply makes. The one is like `terraform_data`, the other like `keeptrusts_configuration`."""


def install(folder: Path, plugins: Path) -> Path | None:
    """The program, which is put into the mirror `plugins` too; None: there is no Go, or not what it needs."""
    go = shutil.which("go")
    packages = os.environ.get("KEEPTRUSTS_GOPATH", PACKAGES)
    if go is None or not Path(packages, "src/github.com/hashicorp/go-plugin").is_dir():
        return None
    shutil.copytree(SOURCE, folder)
    (folder / "schema.bin").write_bytes(_schema())
    (folder / "types.json").write_text(json.dumps(MADE))
    environment = {"GOPATH": packages, "GO111MODULE": "off", "GOTOOLCHAIN": "local", "GOFLAGS": "", "CGO_ENABLED": "0"}
    subprocess.run([go, "build", "-o", NAME, "."], cwd=folder, env=os.environ | environment, check=True)
    for platform in (plugins / "registry.terraform.io/keeptrusts/keeptrusts").glob("*/*"):
        place = plugins / PLACE / platform.name
        place.mkdir(parents=True)
        shutil.copy(folder / NAME, place)
    return folder / NAME


def _schema() -> bytes:
    return ANSWERS["GetProviderSchema"].encode(
        {
            "provider": {"block": {}},
            "resource_schemas": {"minimal_data": _DATA, "minimal_configuration": describe(ConfigurationState)},
            "server_capabilities": {"get_provider_schema_optional": True},
        }
    )
