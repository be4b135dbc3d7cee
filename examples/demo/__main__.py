"""
`make demo`: the whole loop with real processes, in under 90 seconds.

Exit status: 0 everything was proved, 1 something was not.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys

from demo import drift, enforcement, evidence
from demo.receiver import Receiver
from demo.report import Report
from demo.stage import DemoError, Stage
from demo.terraform import Terraform, installed_version


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keep", action="store_true", help="leave everything running and print the addresses")
    keep = parser.parse_args().keep
    report = Report()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that nothing is left running
    try:
        with_terraform = installed_version()
        finished = play(with_terraform, report, keep=keep)
    except DemoError as reason:
        print(f"\nthe demo cannot go on: {reason}", file=sys.stderr)
        finished = False
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        finished = False
    if report.proofs:
        print(f"\n{report.table()}\n")
    proved = sum(proof.held for proof in report.proofs)
    print(f"{proved} of {len(report.proofs)} held, {report.seconds():.1f} s")
    return 0 if finished and report.succeeded() else 1


def play(terraform_version: str, report: Report, *, keep: bool) -> bool:
    """Tell the story to its end; whatever happens, nothing is left running unless it was to be kept."""
    stage = Stage()
    kept = False
    try:
        with Receiver() as receiver:
            tell(stage, receiver, terraform_version, report)
        if keep:
            print(addresses(stage))
        kept = keep
    finally:
        if not kept:
            stage.close()
    return True


def tell(stage: Stage, receiver: Receiver, terraform_version: str, report: Report) -> None:
    report.step("kt dev: a control plane on SQLite, a gateway and a mock provider")
    stage.start()
    gateway_url = stage.settings["KEEPTRUSTS_GATEWAY_URL"]
    report.say(f"control plane {stage.settings['KEEPTRUSTS_API_URL']}, gateway {gateway_url}")
    declared = applied(stage, receiver, terraform_version, report)

    client = enforcement.Client(gateway_url)
    clean = enforcement.allowed(client, report)
    redacted = enforcement.redacted(client, report)
    blocked = enforcement.blocked(client, report)
    declared = made_careless(stage, receiver, report)
    streamed = enforcement.streamed(client, report)

    ids = [answer.headers["x-keeptrusts-event-id"] for answer in (clean, redacted, blocked, streamed)]
    wanted = dict(zip(ids, ("allowed", "redacted", "blocked", "redacted"), strict=True))
    evidence.told(receiver, declared["webhook_signing_secret"], ids[2], report)
    evidence.linted(stage, report)
    evidence.recorded(stage, wanted, report)
    evidence.exported(stage, wanted, report)
    drift.noticed_and_reconciled(stage, Terraform(stage, receiver.url), report)


def applied(stage: Stage, receiver: Receiver, terraform_version: str, report: Report) -> dict[str, str]:
    """Install the provider, init and apply the quickstart; its outputs."""
    report.step(f"kt terraform install; terraform init; terraform apply (Terraform {terraform_version})")
    terraform = Terraform(stage, receiver.url)
    report.say((done := stage.run("kt", "terraform", "install").checked()).output + done.talk)
    terraform.run("init", "-input=false").checked()
    line = terraform.apply()
    declared = terraform.outputs()
    report.expect("terraform apply succeeds", line.startswith("Apply complete"), line)
    digest = drift.wait_for_digest(stage, declared["content_digest"])
    report.expect("the gateway runs what was applied", digest == declared["content_digest"], digest)
    return declared


def made_careless(stage: Stage, receiver: Receiver, report: Report) -> dict[str, str]:
    """Give the mock provider an answer of its own, by the policy file and Terraform; the outputs after it."""
    report.step("The policy file changes: from now on the mock provider gives an address away")
    document = stage.quickstart / "policy-config.yaml"
    reply = f"      mock: {{ reply: {json.dumps(enforcement.CARELESS)}, chunk_chars: 3 }}\n"
    document.write_text(document.read_text(encoding="utf-8") + reply, encoding="utf-8")
    terraform = Terraform(stage, receiver.url)
    report.say(terraform.apply())
    declared = terraform.outputs()
    digest = drift.wait_for_digest(stage, declared["content_digest"])
    report.expect("the gateway follows, without a restart", digest == declared["content_digest"], digest)
    return declared


def addresses(stage: Stage) -> str:
    """What is left running, how to use it, how to stop it."""
    process = stage.process
    if process is None:
        raise DemoError("nothing is running")
    return "\n".join(
        [
            "",
            "left running:",
            f"  control plane  {stage.settings['KEEPTRUSTS_API_URL']}",
            f"  gateway        {stage.settings['KEEPTRUSTS_GATEWAY_URL']}",
            f"  settings       set -a; . {stage.env_file}; set +a",
            f"  terraform      {stage.quickstart}  (HOME={stage.home})",
            f"  stop it with   kill -INT {process.pid} && rm -r {stage.folder}",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
