"""Somebody changes the policy behind Terraform's back, and Terraform notices and puts it right."""

from __future__ import annotations

import time

from demo.report import Report
from demo.stage import DemoError, Stage
from demo.terraform import Terraform
from demo.web import call


def noticed_and_reconciled(stage: Stage, terraform: Terraform, report: Report) -> None:
    declared = terraform.outputs()
    report.step("The policy is weakened behind Terraform's back, by the API")
    report.expect("before it, plan is empty", (status := terraform.plan().status) == 0, f"exit {status}")
    weaker = weaken(stage, declared["configuration_id"])
    running = wait_for_digest(stage, weaker)
    report.expect("the gateway follows the change", running == weaker, running)
    found = terraform.plan()
    report.say(summary(found.output))
    report.expect("plan -detailed-exitcode tells of drift", found.status == 2, f"exit {found.status}")

    report.step("terraform apply puts it right")
    report.say(terraform.apply())
    report.expect("after it, plan is empty", (status := terraform.plan().status) == 0, f"exit {status}")
    digest = wait_for_digest(stage, declared["content_digest"])
    report.expect("the gateway runs the declared policy again", digest == declared["content_digest"], digest)


def weaken(stage: Stage, configuration_id: str) -> str:
    """Take the redaction of personal data out of the chain; the digest of what is left."""
    url = f"{stage.settings['KEEPTRUSTS_API_URL']}/v1/configurations/{configuration_id}"
    token = stage.settings["KEEPTRUSTS_API_TOKEN"]
    read = call(url, token=token)
    weaker = read.json()["policy_yaml"].replace("    - pii-detector\n", "")
    body = {"policy_yaml": weaker, "message": "a change made in a hurry"}
    changed = call(url, body, method="PATCH", token=token, match=read.headers["etag"])
    if changed.status != 200:
        raise DemoError(f"the API answered {changed.status}: {changed.body.decode()}")
    digest: str = changed.json()["content_digest"]
    return digest


def running_digest(stage: Stage) -> str:
    """What the gateway says it runs."""
    digest = call(f"{stage.settings['KEEPTRUSTS_GATEWAY_URL']}/health").json().get("config_digest")
    return str(digest)


def wait_for_digest(stage: Stage, digest: str, *, seconds: float = 30) -> str:
    """What the gateway says it runs: this digest as soon as it does, or what it runs instead when the time is up."""
    deadline = time.monotonic() + seconds
    while (running := running_digest(stage)) != digest and time.monotonic() < deadline:
        time.sleep(0.05)
    return running


def summary(plan: str) -> str:
    """The lines of a plan that say what changes."""
    marks = ("  # ", "Plan:", "Warning:", "│ Warning:")
    return "\n".join(line for line in plan.splitlines() if line.startswith(marks))
