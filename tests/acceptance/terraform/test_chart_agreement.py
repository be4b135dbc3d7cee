"""One contract, two tools: Helm chart and Terraform module make the same Kubernetes objects of the same input."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml

from support.terraform import Toolbox, Workspace

pytestmark = pytest.mark.acceptance

DEPLOY = Path(__file__).parents[3] / "deploy"
OF_HELM = ("app.kubernetes.io/version", "app.kubernetes.io/managed-by", "helm.sh/chart")


@dataclass(frozen=True, slots=True)
class Case:
    """The same wish, said to each. `module` has the names of the module's inputs."""

    module: dict[str, Any]
    values: dict[str, Any]


URL = "https://keeptrusts.example.com"
LEAST = Case(
    {
        "image": "keeptrusts/gateway:1.0.0",
        "keeptrusts_api_url": URL,
        "token_secret": {"name": "keeptrusts-gateway"},
    },
    {"controlPlane": {"url": URL}},
)
ALL = Case(
    {
        "name": "edge",
        "namespace": "ai",
        "image": "registry.example.com:5000/gateway@sha256:" + "a" * 64,
        "keeptrusts_api_url": "http://control.keeptrusts.svc:8080",
        "gateway_id": "gw_0123456789abcdef",
        "token_secret": {"name": "edge", "key": "gateway"},
        "secrets": {"OPENAI_API_KEY": {"name": "openai", "key": "api-key"}, "A_KEY": {"name": "a", "key": "b"}},
        "variables": {"KEEPTRUSTS_REDIS_URL": "redis://redis:6379", "HTTPS_PROXY": "http://proxy:3128", "N": "1"},
        "replicas": 3,
        "port": 8443,
        "drain_seconds": 60,
        "spool": {"size_gib": 20, "storage_class": "fast"},
        "resources": {"requests": {"cpu": "2"}, "limits": {"memory": "2Gi"}},
        "allow_from": [{"team": "support"}, {"team": "sales"}],
        "egress_ports": [6379, 443, 80],
        "labels": {"team": "platform", "app.kubernetes.io/instance": "other"},
    },
    {
        "fullnameOverride": "edge",
        "image": {"repository": "registry.example.com:5000/gateway", "digest": "sha256:" + "a" * 64},
        "controlPlane": {
            "url": "http://control.keeptrusts.svc:8080",
            "gatewayId": "gw_0123456789abcdef",
            "existingSecret": {"name": "edge", "key": "gateway"},
        },
        "secrets": {"OPENAI_API_KEY": {"name": "openai", "key": "api-key"}, "A_KEY": {"name": "a", "key": "b"}},
        "variables": {"KEEPTRUSTS_REDIS_URL": "redis://redis:6379", "HTTPS_PROXY": "http://proxy:3128", "N": 1},
        "replicas": 3,
        "port": 8443,
        "drainSeconds": 60,
        "spool": {"sizeGib": 20, "storageClass": "fast"},
        "resources": {"requests": {"cpu": "2", "memory": None}, "limits": {"memory": "2Gi"}},
        "networkPolicy": {"allowFrom": [{"team": "support"}, {"team": "sales"}], "egressPorts": [6379, 443, 80]},
        "labels": {"team": "platform", "app.kubernetes.io/instance": "other"},
    },
)
SHORT = Case(
    LEAST.module | {"spool": None, "drain_seconds": 0.5, "keeptrusts_api_url": "http://control"},
    {"controlPlane": {"url": "http://control"}, "spool": {"persistent": False}, "drainSeconds": 0.5},
)
CASES = {"least": LEAST, "all": ALL, "short": SHORT}


@pytest.fixture(scope="module")
def of_terraform(toolbox: Toolbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """What the module makes of each case, in one apply."""
    folder = tmp_path_factory.mktemp("agreement")
    shutil.copytree(DEPLOY / "terraform" / "modules", folder / "modules", ignore=shutil.ignore_patterns(".terraform*"))
    source = {"source": "../modules/gateway-manifests"}
    root = Workspace(toolbox, folder / "root", {})
    root.write(
        "main.tf.json",
        json.dumps(
            {
                "module": {name: source | case.module for name, case in CASES.items()},
                "output": {name: {"value": f"${{module.{name}.yaml}}"} for name in CASES},
            }
        ),
    )
    root.run("init").ok()
    root.apply().ok()
    outputs = json.loads(root.state_text)["outputs"]
    return {name: list(yaml.safe_load_all(outputs[name]["value"])) for name in CASES}


def of_helm(case: Case) -> list[dict[str, Any]]:
    name, namespace = (case.module.get(*pair) for pair in (("name", "keeptrusts-gateway"), ("namespace", "keeptrusts")))
    with helm_python.Chart.load(DEPLOY / "helm" / "keeptrusts-gateway") as chart:
        texts: dict[str, str] = chart.render(case.values, name=name, namespace=namespace)
    found = [one for path, text in texts.items() if path.endswith(".yaml") for one in yaml.safe_load_all(text) if one]
    for one in found:
        for label in OF_HELM:
            del one["metadata"]["labels"][label]
    return found


@pytest.mark.parametrize("name", CASES)
def test_both_make_the_same(of_terraform: dict[str, list[dict[str, Any]]], name: str) -> None:
    """Every object with every key: command, environment, ports, probes, rights, volumes; Helm adds labels alone."""
    theirs = {one["kind"]: one for one in of_helm(CASES[name])}
    ours = {one["kind"]: one for one in of_terraform[name]}
    assert set(theirs) == set(ours)
    for kind, one in ours.items():
        assert theirs[kind] == one, kind
