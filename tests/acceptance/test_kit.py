"""deploy/terraform with real Terraform against a real control plane: what people copy has to work as it is."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.receiver import Receiver
from demo.stage import Finished, Stage
from demo.web import Answer, call

KIT = Path(__file__).parents[2] / "deploy" / "terraform"
EXAMPLES = Path(__file__).parents[2] / "examples"
ENVIRONMENTS = ("dev", "staging", "production")

pytestmark = pytest.mark.acceptance


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """A running `kt dev` with the provider installed and a copy of the kit in its folder."""
    running = Stage()
    try:
        running.start()
        running.run("kt", "terraform", "install").checked()
        shutil.copytree(KIT, running.folder / "kit", ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
        yield running
    finally:
        running.close()


class Root:
    """A root module in the stage's folder."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.stage = stage
        self.folder = folder
        self.extra = {
            "TF_VAR_keeptrusts_api_key": stage.settings["KEEPTRUSTS_API_TOKEN"],
            # terraform.tfvars would win over the environment, but the command line wins over both
            "TF_CLI_ARGS_plan": f"-var=keeptrusts_api_url={stage.settings['KEEPTRUSTS_API_URL']}",
        }
        self.extra["TF_CLI_ARGS_apply"] = self.extra["TF_CLI_ARGS_destroy"] = self.extra["TF_CLI_ARGS_plan"]

    def run(self, *arguments: str) -> Finished:
        return self.stage.run("terraform", *arguments, "-no-color", folder=self.folder, extra=self.extra)

    def plan(self) -> int:
        return self.run("plan", "-detailed-exitcode", "-input=false").status

    def apply(self) -> None:
        self.run("apply", "-auto-approve", "-input=false").checked()

    def destroy(self) -> None:
        self.run("destroy", "-auto-approve", "-input=false").checked()

    def outputs(self) -> dict[str, object]:
        said = json.loads(self.stage.run("terraform", "output", "-json", folder=self.folder).checked().output)
        return {name: output["value"] for name, output in said.items()}


def environment(stage: Stage, name: str) -> Root:
    root = Root(stage, stage.folder / "kit" / "environments" / name)
    root.run("init", "-input=false").checked()
    return root


def api(stage: Stage, path: str) -> Answer:
    return call(f"{stage.settings['KEEPTRUSTS_API_URL']}/v1/{path}", token=stage.settings["KEEPTRUSTS_API_TOKEN"])


def test_everything_is_formatted(stage: Stage) -> None:
    """`terraform fmt` would change nothing in what people copy."""
    for folder in (KIT, EXAMPLES):
        assert stage.run("terraform", "fmt", "-check", "-recursive", str(folder)).checked().output == ""


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_environment_walks(stage: Stage, name: str) -> None:
    """Validate, apply, an empty plan, the objects it promises, destroy."""
    root = environment(stage, name)
    root.run("validate").checked()
    assert root.plan() == 2
    root.apply()
    try:
        assert root.plan() == 0
        made = api(stage, f"configurations/{root.outputs()['configuration_id']}").json()
        assert made["name"] == f"{name}-policy"
        assert made["labels"] == {"environment": name, "team": "platform"}
        gateway = api(stage, f"gateways/{root.outputs()['gateway_id']}").json()
        assert gateway["desired_digest"] == root.outputs()["content_digest"] == made["content_digest"]
    finally:
        root.destroy()


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_environments_policy_is_valid(stage: Stage, name: str) -> None:
    """The shipped documents lint without a warning."""
    path = KIT / "environments" / name / "policies" / f"{name}.yaml"
    stage.run("kt", "policy", "lint", "--strict", "--file", str(path)).checked()


def values(
    topics: list[str], *, tokens: object = 512, email: str = "a@example.com", hours: object = 24
) -> dict[str, Any]:
    """The template's four variables."""
    return {"max_tokens": tokens, "blocked_topics": topics, "escalation_email": email, "retention_hours": hours}


SHARP = ['the "x" file', "it's", "back\\slash", "a: b", "- dash", "#no comment", "two\nlines", "${var}", "%{if}", "<&>"]
ODD = {
    "plain": values(["insider trading"]),
    "none": values([], tokens=1, hours=1),
    "quotes": values(SHARP, email='o\'neil+"x"@example.com'),
    "unicode": values(["Überwachung", "武器", "🚀 launch", "é", "\u2028"], email="jürgen@exämple.com"),
    "text for numbers": values(["x"], tokens="77", hours="5"),
}


def render(stage: Stage, tmp_path: Path, given: dict[str, Any]) -> str:
    """The template, filled in by real Terraform."""
    names = ", ".join(f"{name} = var.v.{name}" for name in given)
    template = KIT / "policies" / "base-policy.yaml.tpl"
    (tmp_path / "main.tf").write_text(
        'variable "v" { type = any }\n'
        f'output "text" {{ value = base64encode(templatefile("{template}", '
        f"{{ {names} }})) }}\n",
        encoding="utf-8",
    )
    (tmp_path / "terraform.tfvars.json").write_text(json.dumps({"v": given}), encoding="utf-8")
    stage.run("terraform", "init", folder=tmp_path).checked()
    stage.run("terraform", "apply", "-auto-approve", "-input=false", folder=tmp_path).checked()
    said = stage.run("terraform", "output", "-raw", "text", folder=tmp_path).checked().output
    return base64.b64decode(said).decode()


@pytest.mark.parametrize("case", ODD)
def test_the_template_puts_each_value_where_its_name_says(stage: Stage, tmp_path: Path, case: str) -> None:
    """Whatever a value holds, it arrives whole in its own key and changes no other."""
    given = ODD[case]
    plain = yaml.safe_load(render(stage, tmp_path, ODD["plain"]))

    text = render(stage, tmp_path, given)

    plain["policy"]["token-limit"]["max_tokens"] = int(str(given["max_tokens"]))
    plain["policy"]["topic-filter"]["blocked_topics"] = given["blocked_topics"]
    plain["policy"]["human-oversight"]["default_assignee"] = given["escalation_email"]
    plain["policy"]["audit-logger"]["retention_hours"] = int(str(given["retention_hours"]))
    assert yaml.safe_load(text) == plain


@pytest.mark.parametrize("case", ["plain", "none"])
def test_the_template_makes_a_valid_document(stage: Stage, tmp_path: Path, case: str) -> None:
    """What the template makes of sensible values lints, an empty list of topics included."""
    document = tmp_path / "policy.yaml"
    document.write_text(render(stage, tmp_path, ODD[case]), encoding="utf-8")
    stage.run("kt", "policy", "lint", "--file", str(document)).checked()


MODULE = """
terraform {
  required_providers {
    keeptrusts = { source = "keeptrusts/keeptrusts", version = "~> 1.0" }
  }
}
variable "keeptrusts_api_url" {}
variable "keeptrusts_api_key" { sensitive = true }
provider "keeptrusts" {
  api_url = var.keeptrusts_api_url
  api_key = var.keeptrusts_api_key
}
module "keeptrusts" {
  source             = "../kit/modules/keeptrusts-stack"
  environment        = "qa"
  keeptrusts_api_url = var.keeptrusts_api_url
  keeptrusts_api_key = var.keeptrusts_api_key
  policy_path        = "${path.module}/../kit/policies/base-policy.yaml.tpl"
  policy_variables = {
    max_tokens       = 100
    blocked_topics   = ["x"]
    escalation_email = "a@example.com"
    retention_hours  = 2
  }
  description        = "for testers"
  labels             = { team = "qa" }
  gateway            = { name = "qa-edge", fail_mode = "allow" }
  webhooks = {
    siem = { url = "https://siem.example.com/in", event_types = ["event.*"], active = false }
  }
}
output "environment" { value = module.keeptrusts.gateway_environment }
output "configuration_id" { value = module.keeptrusts.configuration_id }
output "webhook_id" { value = module.keeptrusts.webhook_ids["siem"] }
output "secret" {
  value     = module.keeptrusts.webhook_signing_secrets["siem"]
  sensitive = true
}
"""


@pytest.fixture(scope="module")
def everything(stage: Stage) -> Iterator[Root]:
    """A root that uses every input of the module."""
    folder = stage.folder / "everything"
    folder.mkdir()
    (folder / "main.tf").write_text(MODULE, encoding="utf-8")
    root = Root(stage, folder)
    root.run("init", "-input=false").checked()
    root.apply()
    yield root
    root.destroy()


def test_every_input_of_the_module_does_what_it_says(stage: Stage, everything: Root) -> None:
    """Template, description, labels, gateway and webhooks arrive at the control plane, and the next plan is empty."""
    outputs = everything.outputs()
    made = api(stage, f"configurations/{outputs['configuration_id']}").json()
    names = outputs["environment"]
    assert isinstance(names, dict)
    gateway = api(stage, f"gateways/{names['KEEPTRUSTS_GATEWAY_ID']}").json()
    webhook = api(stage, f"webhooks/{outputs['webhook_id']}").json()

    assert everything.plan() == 0
    assert names["KEEPTRUSTS_API_URL"] == stage.settings["KEEPTRUSTS_API_URL"]
    assert (made["description"], made["labels"]) == ("for testers", {"team": "qa", "environment": "qa"})
    assert yaml.safe_load(made["policy_yaml"])["policy"]["token-limit"] == {"max_tokens": 100}
    assert (gateway["name"], gateway["fail_mode"], gateway["environment"]) == ("qa-edge", "allow", "qa")
    assert (webhook["active"], webhook["event_types"]) == (False, ["event.*"])
    assert str(outputs["secret"]).startswith("whsec_")


def test_the_key_is_nowhere_in_the_state(stage: Stage, everything: Root) -> None:
    """The module checks the API key and keeps it nowhere."""
    state = (everything.folder / "terraform.tfstate").read_text(encoding="utf-8")
    assert "qa-policy" in state
    assert stage.settings["KEEPTRUSTS_API_TOKEN"] not in state


@pytest.mark.parametrize("key", ["", "  ", "kt_gw_1_secret"])
def test_a_wrong_kind_of_key_is_refused_at_plan(stage: Stage, key: str) -> None:
    """An empty key and a gateway's token are named before anything is changed."""
    root = environment(stage, "dev")
    root.extra["TF_VAR_keeptrusts_api_key"] = key
    done = root.run("plan", "-input=false")
    assert done.status == 1
    assert "An API key is needed" in done.talk


class Drift(Root):
    """An environment that is watched by drift.sh."""

    def check(self, **changed: str) -> Finished:
        return self.stage.run(
            "sh", str(KIT / "drift.sh"), str(self.folder), folder=self.stage.folder, extra=self.extra | changed
        )


@pytest.fixture(scope="module")
def watched(stage: Stage) -> Iterator[Drift]:
    """The dev environment, applied, in a folder of its own."""
    folder = stage.folder / "kit" / "environments" / "watched"
    shutil.copytree(KIT / "environments" / "dev", folder, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
    root = Drift(stage, folder)
    root.run("init", "-input=false").checked()
    root.apply()
    yield root
    root.destroy()


def describe(stage: Stage, root: Root, description: str) -> None:
    """Change the configuration behind Terraform's back."""
    url = f"{stage.settings['KEEPTRUSTS_API_URL']}/v1/configurations/{root.outputs()['configuration_id']}"
    token = stage.settings["KEEPTRUSTS_API_TOKEN"]
    read = call(url, token=token)
    changed = call(url, {"description": description}, method="PATCH", token=token, match=read.headers["etag"])
    assert changed.status == 200, changed.body


def test_no_drift_is_quiet(watched: Drift) -> None:
    """Exit 0, and nobody is told anything."""
    with Receiver() as receiver:
        done = watched.check(DRIFT_WEBHOOK_URL=receiver.url)
    assert done.status == 0, done.talk
    assert receiver.letters == []


def test_drift_is_told(stage: Stage, watched: Drift) -> None:
    """Exit 2, and the webhook gets valid JSON with the folder, the plan's summary and the link."""
    describe(stage, watched, "changed in a hurry")
    link = 'https://ci.example.com/runs/7?a="b"'
    with Receiver() as receiver:
        done = watched.check(DRIFT_WEBHOOK_URL=receiver.url, DRIFT_LINK=link)
    watched.apply()
    assert done.status == 2, done.talk
    (letter,) = receiver.letters
    text = json.loads(letter.body)["text"]
    assert (
        text
        == f"Keeptrusts drift in watched: 0 to add, 1 to change, 0 to destroy. Reconcile with terraform apply. {link}"
    )
    assert watched.plan() == 0


def test_drift_that_cannot_be_told_is_an_error(stage: Stage, watched: Drift) -> None:
    """Exit 1 when the webhook does not answer: drift that nobody hears of must not pass."""
    describe(stage, watched, "changed again")
    with Receiver() as receiver:
        gone = receiver.url
    done = watched.check(DRIFT_WEBHOOK_URL=gone)
    watched.apply()
    assert done.status == 1
    assert "the webhook could not be told" in done.talk


def test_an_error_is_not_drift(watched: Drift) -> None:
    """Exit 1 with a wrong key, and no false alarm."""
    with Receiver() as receiver:
        done = watched.check(DRIFT_WEBHOOK_URL=receiver.url, TF_VAR_keeptrusts_api_key="kt_key_none_none")
    assert done.status == 1
    assert "this is not drift" in done.talk
    assert receiver.letters == []


def test_a_missing_state_is_not_drift(stage: Stage, watched: Drift) -> None:
    """Exit 1 in a folder that was never applied, where every resource would look new."""
    folder = watched.folder.with_name("unapplied")
    shutil.copytree(KIT / "environments" / "dev", folder)
    done = Drift(stage, folder).check()
    assert done.status == 1
    assert "there is no state to compare with" in done.talk
