"""`kt terraform drift`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import click

from keeptrusts.cli.connection import make_client, with_settings
from keeptrusts.cli.failure import Failure, stop
from keeptrusts.cli.output import emit_value, format_option, say, shown
from keeptrusts.cli.settings import Settings
from keeptrusts.core.errors import KeeptrustsError

if TYPE_CHECKING:
    from keeptrusts.terraform.differences import Behind, Difference

SAME, FAILED, DRIFT = 0, 1, 2
"""Terraform's own statuses of `plan -detailed-exitcode`, which pipelines know (ADR-0235)."""
WEBHOOK, LINK = "DRIFT_WEBHOOK_URL", "DRIFT_LINK"
ASKS: Final = "Ask the control plane whether the gateways run what they should.  [default: when there is a key]"
SAVED: Final = "Saved the plan to:"
"""From here on Terraform says how to apply the file, which is gone when anybody reads it."""
_TRIES: Final = 3
_PATIENCE_S: Final = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """
    Everything that is not as declared.

    Args:
        gateways: None: nobody was asked.
        base_url: Of the control plane, for links; empty: none is known.
    """

    folder: str
    resources: tuple[Difference, ...]
    outputs: tuple[str, ...]
    gateways: tuple[Behind, ...] | None
    base_url: str
    link: str

    @property
    def found(self) -> bool:
        return bool(self.resources or self.outputs or self.gateways)

    def as_json(self) -> dict[str, Any]:
        return {
            "drift": self.found,
            "folder": self.folder,
            "resources": [{**one.as_json(), "link": self.at(one.path)} for one in self.resources],
            "outputs": list(self.outputs),
            "gateways": None
            if self.gateways is None
            else [{**one.as_json(), "link": self.at(one.path)} for one in self.gateways],
            "link": self.link or None,
        }

    def lines(self) -> Iterator[str]:
        from keeptrusts.terraform.differences import WORDS

        for one in self.resources:
            named = f": {', '.join(one.attributes)}" if one.attributes else ""
            cause = "changed outside of Terraform" if one.outside else "not applied yet"
            yield f"{one.address} {WORDS[one.what]} ({cause}){named}"
            yield from (f"  {line}" for line in (*one.policy, *self._linked(one.path)))
        for name in self.outputs:
            yield f"output.{name} differs"
        for gateway in self.gateways or ():
            yield f"gateway {gateway.name} does not run {gateway.desired_digest or 'nothing, as it should'}"
            yield from (f"  {one}: {why}" for one, why in gateway.instances.items())
            yield from (f"  {line}" for line in self._linked(gateway.path))

    def sentence(self) -> str:
        """For a chat: what, and where to read more; no value of anything."""
        told = [one.address + (f" ({', '.join(one.attributes)})" if one.attributes else "") for one in self.resources]
        weaker = [one.address for one in self.resources if one.weakened]
        parts = [
            f"Keeptrusts drift in {self.folder}: {', '.join(told) or 'no resource differs'}.",
            f"Weaker than declared: {', '.join(weaker)}." if weaker else "",
            f"Outputs: {', '.join(self.outputs)}." if self.outputs else "",
            f"Gateways behind: {', '.join(one.name for one in self.gateways)}." if self.gateways else "",
            "Reconcile with terraform apply." if self.resources or self.outputs else "",
            self.link,
        ]
        return " ".join(part for part in parts if part)

    def at(self, path: str | None) -> str | None:
        return self.base_url + path if self.base_url and path else None

    def _linked(self, path: str | None) -> list[str]:
        where = self.at(path)
        return [where] if where else []


class DriftCommand(click.Command):
    """Only drift may end with 2: every failure, wrong usage included, ends with 1."""

    def make_context(self, *args: Any, **settings: Any) -> click.Context:
        try:
            return super().make_context(*args, **settings)
        except click.UsageError as wrong:
            wrong.exit_code = FAILED  # type: ignore[misc] # click reads it of the instance
            raise

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeeptrustsError as error:
            raise Failure(error, status=FAILED) from None
        except click.ClickException as failed:
            failed.exit_code = FAILED  # type: ignore[misc] # likewise
            raise


@click.command(cls=DriftCommand)
@click.option("--dir", "folder", default=".", type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Root module.  [default: the working folder]")  # fmt: skip
@click.option("--terraform", "program", default="terraform", show_default=True, help="Program to run, such as tofu.")
@click.option("--gateways/--no-gateways", default=None, help=ASKS)
@click.option("--link", envvar=LINK, default="", metavar="URL", help=f"Where to read more.  [env: {LINK}]")
@click.argument("arguments", nargs=-1, metavar="[-- ARGUMENT OF terraform plan ...]")
@format_option("text", "json")
@with_settings
def drift(
    settings: Settings,
    /,
    folder: Path,
    *,
    program: str,
    gateways: bool | None,
    link: str,
    arguments: tuple[str, ...],
    form: str,
) -> None:
    """
    What is no longer as a folder of Terraform declares it, and which gateways do not run it.

    Names each resource with its attributes, says whether it was changed outside of Terraform, what a changed policy
    means, and where to find it in the API. The plan itself goes to stderr. Nothing is changed.

    With DRIFT_WEBHOOK_URL in the environment, drift is posted there as `{"text": ...}`, which Slack and most chat
    systems read; errors are not.

    \b
      kt terraform drift --dir environments/production
      kt terraform drift --format json -- -var-file=production.tfvars

    Exit status: 0 no drift; 2 drift; 1 everything else, such as a key that expired or a webhook that takes nothing.
    """
    plan = read_plan(program, folder, arguments)
    asks = bool(settings["api_token"].value) if gateways is None else gateways
    report = _report(plan, folder, settings if asks else None, link)
    _write(report, form)
    if report.found and (url := os.environ.get(WEBHOOK)):
        post(url, report.sentence())
    sys.exit(DRIFT if report.found else SAME)


def _report(plan: Mapping[str, Any], folder: Path, settings: Settings | None, link: str) -> Report:
    """`settings`: of the control plane whose gateways are asked; None: nobody is."""
    from keeptrusts.terraform import differences

    if not differences.has_state(plan):
        raise stop("there is no state to compare with", "apply first, or configure the backend", code="no_state")
    return Report(
        folder=folder.resolve().name,
        resources=differences.differences(plan),
        outputs=differences.outputs(plan),
        gateways=_gateways_behind(settings) if settings else None,
        base_url=settings["api_url"].value.rstrip("/") if settings else "",
        link=link,
    )


def _write(report: Report, form: str) -> None:
    if form == "json":
        emit_value(report.as_json(), form)
    else:
        for line in report.lines():
            click.echo(shown(line))
    if report.gateways is None:
        say("the gateways were not asked: there is no API key, or --no-gateways was given")
    say("there is drift" if report.found else "no drift")


def _gateways_behind(settings: Settings) -> tuple[Behind, ...]:
    from keeptrusts.terraform.differences import behind

    with make_client(settings) as client:
        return behind(client.gateways.each())


def read_plan(program: str, folder: Path, arguments: tuple[str, ...]) -> Mapping[str, Any]:
    """
    A fresh plan of the folder, as JSON. Its file, which holds secrets, is gone afterwards.

    Raises:
        Failure: Terraform is not there, or failed; what it said went to stderr.
    """
    run(program, folder, "init", "-input=false")
    with tempfile.TemporaryDirectory(prefix="keeptrusts-") as private:
        path = Path(private, "plan")
        run(program, folder, "plan", "-input=false", "-lock-timeout=60s", f"-out={path}", *arguments)
        told = run(program, folder, "show", "-json", str(path), quiet=True)
    plan: Mapping[str, Any] = json.loads(told)
    return plan


def run(program: str, folder: Path, verb: str, *arguments: str, quiet: bool = False) -> str:
    """
    Its stdout; with what it says on stderr, that goes to our stderr while it runs.

    Raises:
        Failure: It is not there, or failed.
    """
    colour = () if verb == "show" else ("-no-color",)
    try:
        process = subprocess.Popen(  # noqa: S603 - the user's own program
            [program, f"-chdir={folder}", verb, *colour, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if quiet else subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise stop(f"`{program}` cannot be run: {(error.strerror or 'it failed').lower()}",
                   "install Terraform, or name it with `--terraform`", code="no_terraform") from None  # fmt: skip
    with process:
        said = _relay(process, quiet=quiet)
    if process.returncode:
        raise stop(f"`{program} {verb}` failed with {process.returncode}; this is not drift",
                   "see what it said above", code="terraform_failed")  # fmt: skip
    return said


def _relay(process: subprocess.Popen[str], *, quiet: bool) -> str:
    assert process.stdout is not None
    said = []
    ended = False
    try:
        for line in process.stdout:
            ended = ended or line.startswith(SAVED)
            if quiet:
                said.append(line)
            elif not ended:
                click.echo(line, err=True, nl=False)
    except KeyboardInterrupt:
        process.wait()  # it was told too, and has a lock of the state to give back
        raise
    return "".join(said)


def post(url: str, text: str) -> None:
    """
    Tell a chat. The URL itself is a secret and is never shown.

    Raises:
        Failure: It took nothing. Drift that nobody hears of is worse than a failed job.
    """
    from http.client import HTTPException
    from urllib.request import Request, urlopen

    failed = stop("there is drift, and the webhook could not be told", f"check `{WEBHOOK}`", code="webhook_failed")
    if urlsplit(url).scheme not in {"http", "https"}:
        raise failed
    body = json.dumps({"text": text}).encode()
    request = Request(url, data=body, headers={"content-type": "application/json"})  # noqa: S310 - looked at above
    for _ in range(_TRIES):
        try:
            with urlopen(request, timeout=_PATIENCE_S):  # noqa: S310 - likewise
                return
        except (OSError, ValueError, HTTPException):
            continue
    raise failed
