"""After an apply the plan is empty, and after an import too: documents of any spelling, resources of any shape."""

from __future__ import annotations

import inspect
import json
import os
import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import pytest
import yaml

from keeptrusts.policy.lint import lint_document
from keeptrusts.policy.registry import KINDS, load_kind
from support.terraform import HEAD, POLICY, SAME_POLICY, Workspace

pytestmark = pytest.mark.acceptance

DOCUMENTS = int(os.environ.get("KEEPTRUSTS_TERRAFORM_DOCUMENTS", "30"))
"""How many are generated. A nightly run sets 500."""
EVERY = int(os.environ.get("KEEPTRUSTS_TERRAFORM_EVERY", "7"))
"""Of all combinations of optional arguments one in so many is applied; a nightly run sets 1."""
LARGE = 1 << 20
ANCHORED = """\
pack: &pack {name: anchored, version: "1.0.0", enabled: true}
providers:
  targets:
    - &first {id: primary, provider: mock}
policies: {chain: [prompt-injection, audit-logger]}
policy: {prompt-injection: &nothing {}, audit-logger: *nothing}
"""
WIDE = ["-parallelism=50"]
CONFIGURATIONS = """
locals {
  documents = fileset("${path.module}/policies", "*.yaml")
}

resource "keeptrusts_configuration" "all" {
  for_each    = local.documents
  name        = "false-diff-${each.key}"
  policy_yaml = file("${path.module}/policies/${each.key}")
  labels      = { one = "é", "two/three" = "" }
}
"""
IMPORTS = """
import {
  for_each = local.documents
  to       = keeptrusts_configuration.all[each.key]
  id       = "name=false-diff-${each.key}"
}
"""


def documents(count: int) -> Iterator[dict[str, Any]]:
    """Valid ones, of any kinds in any order."""
    dice = random.Random(2026)
    examples = {kind: yaml.safe_load(inspect.cleandoc(load_kind(kind).example)) for kind in KINDS}
    while count:
        chain = dice.sample(sorted(examples), dice.randint(1, 5))
        document = {
            "pack": {
                "name": dice.choice(["plain", "mit Umlaut äöü", "漢字 \U0001f600", "a: b # c", "'quoted' \"twice\""]),
                "version": f"1.{dice.randrange(100)}.0",
                "enabled": dice.random() < 0.8,
            },
            "providers": {"targets": [{"id": "primary", "provider": "mock"}]},
            "policies": {"chain": chain},
            "policy": {kind: examples[kind] for kind in chain},
        }
        if lint_document(json.dumps(document)).valid:  # some kinds ask something of others
            count -= 1
            yield document


def written(document: dict[str, Any], dice: random.Random) -> str:
    """In some spelling: JSON, flow or block, other quotes and orders, with comments, with CRLF."""
    if dice.random() < 0.2:
        return json.dumps(document, indent=dice.choice([None, 2]), ensure_ascii=dice.random() < 0.5)
    shuffled = {key: document[key] for key in dice.sample(list(document), len(document))}
    text = yaml.safe_dump(
        shuffled,
        sort_keys=dice.random() < 0.5,
        default_flow_style=dice.choice([None, True, False]),
        allow_unicode=dice.random() < 0.5,
        width=dice.choice([20, 10_000]),
        indent=dice.choice([2, 4]),
    )
    text = f"# {dice.random()}\n{text}\n"
    return text.replace("\n", "\r\n") if dice.random() < 0.3 else text


def respell(workspace: Workspace, seed: int) -> None:
    """Write every document anew, in another spelling each time."""
    dice = random.Random(seed)
    for at, document in enumerate(documents(DOCUMENTS)):
        path = workspace.write(f"policies/{at:03}.yaml", "")
        path.write_bytes(written(document, dice).encode())  # a text file would lose its CRLF


def empty(workspace: Workspace) -> None:
    planned = workspace.run("plan", "-detailed-exitcode", *WIDE)
    assert planned.status == 0, planned.output[-4000:]


def test_documents_of_any_spelling(real: Workspace) -> None:
    """Many configurations at a time, applied, spelled otherwise, and imported: the plan is empty each time."""
    respell(real, 1)
    comment = "# a comment\n"
    real.write("policies/large.yaml", POLICY + comment * ((LARGE - len(POLICY)) // len(comment)))
    real.write("policies/anchored.yaml", ANCHORED)
    real.write("policies/same.yaml", POLICY)
    real.write("main.tf", HEAD + CONFIGURATIONS)
    real.run("init").ok()
    real.apply(*WIDE).ok()
    empty(real)

    respell(real, 2)
    real.write("policies/large.yaml", POLICY)
    real.write("policies/anchored.yaml", ANCHORED.replace("*nothing", "{}").replace("&nothing ", ""))
    real.write("policies/same.yaml", SAME_POLICY)
    empty(real)

    real.forget()
    real.write("imports.tf", IMPORTS)
    imported = real.apply(*WIDE).ok().output
    assert f"{DOCUMENTS + 3} imported, 0 added, 0 changed, 0 destroyed" in imported
    empty(real)
    (real.folder / "imports.tf").unlink()
    real.run("destroy", "-auto-approve", *WIDE).ok()


SHARED: Mapping[str, Sequence[Any]] = {
    "description": [None, "", "für alle\nüber zwei Zeilen"],
    "labels": [None, {}, {"b": "2", "a": "1"}],
}
"""What a control plane keeps: after an import nothing of it is a difference, but for what is written and empty."""
STORED: Mapping[str, Mapping[str, Sequence[Any]]] = {
    "keeptrusts_gateway": {
        **SHARED,
        "configuration_id": [None, "${keeptrusts_configuration.base.id}"],
        "configuration_version": [None, 1],
        "environment": [None, "", "production"],
        "fail_mode": [None, "block", "allow"],
        "rollout": [None, {"strategy": "canary", "canary_percent": 10}],
    },
    "keeptrusts_webhook": {
        "description": SHARED["description"],
        "event_types": [["event.*"], ["webhook.*", "event.blocked", "escalation.created"]],
        "active": [None, True, False],
        "format": [None, "standard", "slack", "cloudevents"],
        "url": ["https://siem.example.com/%d", "https://hooks.slack.com/services/T/B/%d"],
    },
    "keeptrusts_configuration": {**SHARED, "policy_yaml": [POLICY, ANCHORED]},
    "keeptrusts_api_key": {
        "role": ["viewer", "admin"],
        "scopes": [None, [], ["events:read", "configurations:read"]],
        "expires_in": [None, "90d", "36h", "1h30m"],
    },
    "keeptrusts_gateway_token": {
        "gateway_id": ["${keeptrusts_gateway.base.id}"],
        "expires_in": [None, "90d", "36h"],
    },
    "keeptrusts_config_variable": {
        "description": SHARED["description"],
        "sensitive": [None, True],
        "value_wo": ["planted"],
        "value_wo_version": [1],
        "allowed_hosts": [None, ["b.example", "a.example:8443"]],
    },
}
LOCAL: Mapping[str, Mapping[str, Sequence[Any]]] = {
    "keeptrusts_gateway": {
        "wait_for_sync": [False],
        "timeouts": [None, {"delete": "5m"}],
        "rollout": [None, {}, {"strategy": "all"}],
    },
    "keeptrusts_webhook": {
        "url": ["https://siem.example.com/local/%d"],
        "event_types": [["*"]],
        "headers": [None, {}, {"X-B": "2", "x-a": "1"}],
        "secret": [None, "whsec_" + "QUJD" * 10],
    },
    "keeptrusts_configuration": {
        "policy_yaml": [POLICY],
        "change_message": [None, "", "why"],
        "allow_weakening": [None, True, False],
        "deletion_protection": [None, False],
    },
    "keeptrusts_api_key": {"role": ["viewer"], "rotate_when": [None, {}, {"quarter": "1"}]},
    "keeptrusts_gateway_token": {
        "gateway_id": ["${keeptrusts_gateway.base.id}"],
        "rotate_when": [None, {}, {"quarter": "1"}],
    },
}
"""What only the state keeps: an import does not know it, and the apply that imports notes it."""
NAMED = {"keeptrusts_gateway", "keeptrusts_configuration", "keeptrusts_api_key", "keeptrusts_config_variable"}


def shapes(of: Mapping[str, Mapping[str, Sequence[Any]]], prefix: str, every: int) -> dict[str, dict[str, Any]]:
    """Type -> label -> arguments, as Terraform's JSON has them; an argument that is None is left out."""
    found: dict[str, dict[str, Any]] = {}
    for kind, arguments in of.items():
        for at, values in enumerate(product(*arguments.values())):
            given = {name: value for name, value in zip(arguments, values, strict=True) if value is not None}
            senseless = "configuration_version" in given and "configuration_id" not in given
            if senseless or at % every:
                continue
            if kind in NAMED:
                given["name"] = f"{prefix}-{at}"
            if "url" in given:
                given["url"] %= at
            found.setdefault(kind, {})[f"{prefix}_{at}"] = given
    return found


def test_resources_of_any_shape(real: Workspace) -> None:
    """Combinations of optional arguments, applied and imported: then the plan is empty."""
    stored, local = shapes(STORED, "stored", EVERY), shapes(LOCAL, "local", 1)
    resources = {kind: {**stored.get(kind, {}), **local.get(kind, {})} for kind in stored}
    resources["keeptrusts_configuration"]["base"] = {"name": "shapes-base", "policy_yaml": POLICY}
    resources["keeptrusts_gateway"]["base"] = {"name": "shapes-base"}
    count = sum(len(labelled) for labelled in resources.values())
    real.write("main.tf", HEAD)
    real.write("shapes.tf.json", json.dumps({"resource": resources}))
    real.run("init").ok()
    real.apply(*WIDE).ok()
    empty(real)

    kept = json.loads(real.state_text)["resources"]
    ids = {f"{one['type']}.{one['name']}": one["instances"][0]["attributes"]["id"] for one in kept}
    assert len(ids) == count
    real.forget()
    real.write("imports.tf.json", json.dumps({"import": [{"to": to, "id": id_} for to, id_ in ids.items()]}))
    known = [
        f"-target={kind}.{label}"
        for kind, labelled in stored.items()
        for label, given in labelled.items()
        if kind != "keeptrusts_config_variable" and not any(value in ("", {}, []) for value in given.values())
    ]
    planned = real.run("plan", *WIDE, *known).ok().output
    assert ", 0 to add, 0 to change, 0 to destroy" in planned, planned[-4000:]
    applied = real.apply(*WIDE).ok().output
    assert f"{count} imported, 0 added, " in applied, applied[-4000:]
    assert ", 0 destroyed" in applied
    empty(real)
    real.run("destroy", "-auto-approve", *WIDE).ok()
