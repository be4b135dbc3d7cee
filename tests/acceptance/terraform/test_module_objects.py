"""What the modules without a provider make, taken by others: ECS's API, and the schemas of Kubernetes' API."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import boto3
import kubernetes_validate
import pytest
import yaml
from moto import mock_aws

from support.terraform import Toolbox, Workspace

pytestmark = pytest.mark.acceptance

MODULES = Path(__file__).parents[3] / "deploy" / "terraform" / "modules"
KUBERNETES = ("1.29", "1.33", "1.37")
CONTAINER = """
module "it" {
  source             = "../modules/gateway-container"
  image              = "registry.example.com/keeptrusts/gateway:1.0.0"
  keeptrusts_api_url = "https://keeptrusts.example.com"
  gateway_id         = "gw_0123456789abcdef"
  secrets            = { KEEPTRUSTS_GATEWAY_TOKEN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:token" }
  log_configuration  = { logDriver = "awslogs", options = { "awslogs-group" = "gateway" } }
}
output "definition" { value = module.it.definition }
"""
MANIFESTS = """
module "it" {
  source             = "../modules/gateway-manifests"
  image              = "registry.example.com/keeptrusts/gateway:1.0.0"
  keeptrusts_api_url = "https://keeptrusts.example.com"
  token_secret       = { name = "keeptrusts-gateway" }
  allow_from         = [{ team = "support" }]
  spool              = SPOOL
}
output "yaml" { value = module.it.yaml }
"""


@pytest.fixture(scope="module")
def folder(toolbox: Toolbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kit's modules, with room for roots beside them."""
    made = tmp_path_factory.mktemp("objects")
    shutil.copytree(MODULES, made / "modules", ignore=shutil.ignore_patterns(".terraform*"))
    return made


def outputs(toolbox: Toolbox, folder: Path, text: str) -> dict[str, Any]:
    root = Workspace(toolbox, folder, {})
    root.write("main.tf", text)
    root.run("init").ok()
    root.apply().ok()
    said = json.loads((folder / "terraform.tfstate").read_text(encoding="utf-8"))["outputs"]
    return {name: one["value"] for name, one in said.items()}


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of nobody."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.mark.usefixtures("credentials")
@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")
def test_ecs_takes_the_container(toolbox: Toolbox, folder: Path) -> None:
    """boto3 finds every key in ECS's API with the right type, and what ECS gives back is what was made."""
    definition = outputs(toolbox, folder / "container", CONTAINER)["definition"]
    with mock_aws():
        answer = boto3.client("ecs").register_task_definition(
            family="keeptrusts-gateway-production",
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="512",
            memory="1024",
            volumes=[{"name": "spool"}, {"name": "tmp"}],
            containerDefinitions=[definition],
        )
    task = answer["taskDefinition"]
    (registered,) = task["containerDefinitions"]
    assert {name: registered[name] for name in definition} == definition
    assert {one["sourceVolume"] for one in definition["mountPoints"]} == {one["name"] for one in task["volumes"]}


def strings(found: object) -> list[str]:
    """Every text in a value, at any depth."""
    if isinstance(found, dict):
        return [text for value in found.values() for text in strings(value)]
    if isinstance(found, list):
        return [text for value in found for text in strings(value)]
    return [found] if isinstance(found, str) else []


@pytest.mark.parametrize("spool", ["{}", "null", '{ size_gib = 20, storage_class = "fast" }'], ids=str.split)
def test_kubernetes_takes_the_manifests(toolbox: Toolbox, folder: Path, spool: str) -> None:
    """Each object is valid for the oldest, a middle and the newest Kubernetes, with no key that it does not know."""
    name = "manifests-" + "".join(letter for letter in spool if letter.isalnum())
    text = outputs(toolbox, folder / name, MANIFESTS.replace("SPOOL", spool))["yaml"]
    objects = list(yaml.safe_load_all(text))
    assert len(objects) == 5
    for one in objects:
        for version in KUBERNETES:
            kubernetes_validate.validate(one, version, strict=True)
        assert not [found for found in strings(one) if "kt_gw_" in found]


def test_a_key_that_kubernetes_does_not_know_is_found() -> None:
    """The schemas are strict, or the tests above would say nothing."""
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {"prots": []}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(service, KUBERNETES[-1], strict=True)
