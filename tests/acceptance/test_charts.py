"""The Helm charts, rendered by Helm's own library: valid for Kubernetes, and one with what Terraform makes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import helm_python
import kubernetes_validate
import pytest
import yaml

from keeptrusts.core.version import VERSION
from support.terraform import POLICY

pytestmark = pytest.mark.acceptance

CHARTS = Path(__file__).parents[2] / "deploy" / "helm"
NAMES = ("keeptrusts", "keeptrusts-gateway")
KUBERNETES = ("1.29", "1.33", "1.37")
MANAGED = {"controlPlane": {"url": "https://keeptrusts.example.com"}}
CASES: dict[str, tuple[str, dict[str, Any], set[str]]] = {
    "managed": ("keeptrusts-gateway", MANAGED, set()),
    "scaled": (
        "keeptrusts-gateway",
        MANAGED | {"autoscaling": {"enabled": True}, "spool": {"persistent": False}, "image": {"pullPolicy": "Always"}},
        {"HorizontalPodAutoscaler"},
    ),
    "alone": (
        "keeptrusts-gateway",
        {
            "policy": {"document": 'pack: {}\n# it\'s "quoted"\n'},
            "podAnnotations": {"team": "a"},
            "nodeSelector": {"pool": "ai"},
            "tolerations": [{"key": "ai", "operator": "Exists"}],
            "affinity": {"nodeAffinity": {}},
            "service": {"type": "LoadBalancer", "annotations": {"a": "b"}},
            "serviceAccount": {"name": "other", "annotations": {"role": "x"}},
            "image": {"digest": "sha256:" + "0" * 64, "pullSecrets": [{"name": "registry"}]},
            "networkPolicy": {"egressPorts": []},
        },
        {"ConfigMap"},
    ),
    "control plane": ("keeptrusts", {}, {"Deployment", "Job", "PersistentVolumeClaim"}),
    "control plane with all": (
        "keeptrusts",
        {
            "replicas": 3,
            "archive": {"url": "s3://archives/kt?region=eu-central-1"},
            "ingress": {"enabled": True, "host": "keeptrusts.example.com", "className": "nginx", "tlsSecret": "tls"},
            "webhookAllowSubnets": ["10.1.0.0/16"],
            "secrets": {"AWS_SECRET_ACCESS_KEY": {"name": "aws", "key": "secret"}},
            "variables": {"AWS_ACCESS_KEY_ID": "AKIA"},
            "networkPolicy": {"allowFrom": [{"team": "a"}]},
            "podAnnotations": {"a": "b"},
            "nodeSelector": {"pool": "ai"},
            "tolerations": [{"key": "ai", "operator": "Exists"}],
            "image": {"pullSecrets": [{"name": "registry"}]},
        },
        {"Deployment", "Job", "Ingress"},
    ),
}
ALWAYS = {"NetworkPolicy", "PodDisruptionBudget", "Service", "ServiceAccount"}


def rendered(chart: str, values: dict[str, Any], name: str = "edge", namespace: str = "ai") -> list[dict[str, Any]]:
    with helm_python.Chart.load(CHARTS / chart) as loaded:
        loaded.validate_schema(loaded.merge_values(values))
        texts: dict[str, str] = loaded.render(values, name=name, namespace=namespace)
    documents = (one for path, text in texts.items() if path.endswith(".yaml") for one in yaml.safe_load_all(text))
    return [one for one in documents if one]


def of_kind(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (found,) = (one for one in objects if one["kind"] == kind)
    return found


@pytest.mark.parametrize("case", CASES)
def test_kubernetes_takes_what_a_chart_makes(case: str) -> None:
    """Each object is valid for the oldest, a middle and the newest Kubernetes, with no key that it does not know."""
    chart, values, more = CASES[case]
    objects = rendered(chart, values)
    for one in objects:
        for version in KUBERNETES:
            kubernetes_validate.validate(one, version, strict=True)
        assert one["metadata"]["namespace"] == "ai"
    kinds = {one["kind"] for one in objects}
    assert kinds == ALWAYS | more | ({"StatefulSet"} if chart == "keeptrusts-gateway" else set())
    assert len(objects) == len(kinds)


@pytest.mark.parametrize("case", CASES)
def test_every_container_is_locked_up(case: str) -> None:
    """Not root, read-only, no capability, no token of the cluster; every path it writes to is a volume."""
    chart, values, _ = CASES[case]
    for one in rendered(chart, values):
        if one["kind"] not in {"StatefulSet", "Deployment", "Job"}:
            continue
        pod = one["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert pod["automountServiceAccountToken"] is False
        assert (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"]) == (True, 10001)
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }  # fmt: skip
        claims = {claim["metadata"]["name"] for claim in one["spec"].get("volumeClaimTemplates", [])}
        names = {volume["name"] for volume in pod["volumes"]} | claims
        assert {mount["name"] for mount in container["volumeMounts"]} == names


@pytest.mark.parametrize("chart", NAMES)
def test_helm_lints_without_a_warning(chart: str) -> None:
    """What it says is advice at most; the chart is of this version."""
    told = helm_python.lint(CHARTS / chart)
    assert told["errors"] == []
    assert [one for one in told["messages"] if one["severity"] > 1] == []
    about = yaml.safe_load((CHARTS / chart / "Chart.yaml").read_text(encoding="utf-8"))
    assert (about["appVersion"], about["version"]) == (VERSION, VERSION)


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "a word that is none": ("keeptrusts-gateway", MANAGED | {"replica": 3}, "replica"),
    "a credential in the open": (
        "keeptrusts-gateway",
        MANAGED | {"variables": {"KEEPTRUSTS_API_KEY": "x"}},
        "variables",
    ),
    "no version": ("keeptrusts-gateway", MANAGED | {"image": {"tag": "latest"}}, "tag"),
    "a path": ("keeptrusts-gateway", {"controlPlane": {"url": "https://a.example.com/v1"}}, "url"),
    "a port of root's": ("keeptrusts-gateway", MANAGED | {"port": 443}, "port"),
    "nothing to enforce": ("keeptrusts-gateway", {}, "set controlPlane.url, or a policy"),
    "two pods for one volume": ("keeptrusts", {"replicas": 2}, "set archive.url to a bucket"),
    "an ingress to nowhere": ("keeptrusts", {"ingress": {"enabled": True}}, "ingress.host"),
    "a database in the open": ("keeptrusts", {"variables": {"KEEPTRUSTS_DATABASE_URL": "x"}}, "URL is a credential"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_wrong_values_are_refused(case: str) -> None:
    """By the schema or by the templates, before anything is installed; the message names the value."""
    chart, values, names = REFUSED[case]
    with pytest.raises(helm_python.HelmError) as refused:
        rendered(chart, values)
    assert names in str(refused.value)


def leaves(values: dict[str, Any], place: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= leaves(value, f"{place}{name}.") if isinstance(value, dict) and value else {f"{place}{name}": value}
    return found


@pytest.mark.parametrize("chart", NAMES)
def test_the_readme_lists_every_value(chart: str) -> None:
    """With its default, in the order of values.yaml; nothing else is in the table."""
    values = yaml.safe_load((CHARTS / chart / "values.yaml").read_text(encoding="utf-8"))
    readme = (CHARTS / chart / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w.]+)` \| `(.*?)` \|", readme, re.MULTILINE)
    assert [(name, json.loads(default)) for name, default in rows] == list(leaves(values).items())


def test_a_policy_of_its_own_arrives_whole() -> None:
    """The document is in the ConfigMap letter by letter, the process reads it there, and a change restarts pods."""
    chart, values, _ = CASES["alone"]
    objects = rendered(chart, values)
    assert of_kind(objects, "ConfigMap")["data"] == {"policy-config.yaml": values["policy"]["document"]}
    template = of_kind(objects, "StatefulSet")["spec"]["template"]
    (container,) = template["spec"]["containers"]
    assert container["args"][4:6] == ["--policy-config", "/etc/keeptrusts/policy-config.yaml"]
    assert "env" not in container
    other = rendered(chart, values | {"policy": {"document": "pack: {}\n"}})
    digest = "keeptrusts/policy-sha256"
    changed = of_kind(other, "StatefulSet")["spec"]["template"]["metadata"]["annotations"][digest]
    assert changed != template["metadata"]["annotations"][digest]


def kt(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = str(Path(sys.executable).with_name("kt"))
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


def test_the_gateway_takes_its_arguments(tmp_path: Path) -> None:
    """`kt` understands what the pod is told, and would enforce the document."""
    policy = {"policy": {"document": POLICY}}
    (container,) = of_kind(rendered("keeptrusts-gateway", policy), "StatefulSet")["spec"]["template"]["spec"][
        "containers"
    ]
    place = {"/etc/keeptrusts/policy-config.yaml": tmp_path / "policy.yaml", "/var/lib/keeptrusts": tmp_path / "spool"}
    (tmp_path / "policy.yaml").write_text(POLICY, encoding="utf-8")
    done = kt(*(str(place.get(word, word)) for word in container["args"]), "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "prompt-injection" in done.stdout


@pytest.mark.parametrize("kind", ["Deployment", "Job"])
def test_the_control_plane_takes_its_arguments(kind: str) -> None:
    """Every option exists: an unknown one would be an error before help is shown."""
    chart, values, _ = CASES["control plane with all"]
    (container,) = of_kind(rendered(chart, values), kind)["spec"]["template"]["spec"]["containers"]
    assert kt(*container["args"], "--help").returncode == 0
    assert kt(*container["args"], "--no-such-option", "--help").returncode == 2
