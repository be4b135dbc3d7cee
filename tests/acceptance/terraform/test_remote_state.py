"""The environments' S3 backend as it is shipped, against a server that speaks S3: written, locked, forced."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from support.server import Server
from support.terraform import Toolbox, Workspace

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning"),
]

KIT = Path(__file__).parents[3] / "deploy" / "terraform"
BUCKET = "myorg-terraform-state"
TABLE = "myorg-terraform-locks"
STATE = "keeptrusts/dev/terraform.tfstate"
LOCK = f"{STATE}.tflock"


@pytest.fixture(scope="module")
def cloud() -> Iterator[dict[str, str]]:
    """The environment of somebody who has credentials."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    server.stop()


def client(cloud: dict[str, str], service: str) -> Any:
    return boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url=cloud["AWS_ENDPOINT_URL"],
        aws_access_key_id=cloud["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=cloud["AWS_SECRET_ACCESS_KEY"],
    )


def keys(cloud: dict[str, str]) -> set[str]:
    listed = client(cloud, "s3").list_objects_v2(Bucket=BUCKET)
    return {one["Key"] for one in listed.get("Contents", [])}


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def kit(cloud: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the kit with `backend.tf` made as the example says, its bucket, and an empty table for locks."""
    folder = tmp_path_factory.mktemp("remote") / "kit"
    shutil.copytree(KIT, folder, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
    dev = folder / "environments" / "dev"
    shutil.copy(dev / "backend.tf.example", dev / "backend.tf")
    client(cloud, "s3").create_bucket(Bucket=BUCKET)
    client(cloud, "dynamodb").create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A control plane of its own: what `dev` makes stays, and has the names that other tests use."""
    with Server(tmp_path_factory.mktemp("control")) as running:
        yield running


@pytest.fixture(scope="module")
def dev(toolbox: Toolbox, server: Server, cloud: dict[str, str], kit: Path) -> Workspace:
    """The environment `dev`, applied."""
    url = f"-var=keeptrusts_api_url={server.url}"  # the file terraform.tfvars would win over the environment
    variables = {"TF_VAR_keeptrusts_api_key": server.admin_key, "TF_CLI_ARGS_plan": url, "TF_CLI_ARGS_apply": url}
    root = Workspace(toolbox, kit / "environments" / "dev", cloud | variables)
    root.run("init").ok()
    root.apply().ok()
    return root


def hold(root: Workspace, *arguments: str) -> subprocess.Popen[str]:
    """An apply that waits for somebody to say yes, as long as nobody does."""
    return subprocess.Popen(
        ["terraform", "apply", "-no-color", "-input=true", *arguments],
        cwd=root.folder,
        env=root.toolbox.environment(root.api) | {"TF_INPUT": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def killed(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=20)


def test_the_state_is_in_the_bucket_alone(dev: Workspace, server: Server, cloud: dict[str, str]) -> None:
    """Under the environment's key, without the API key, without a lock that nobody holds; nothing is on disk."""
    assert keys(cloud) == {STATE}
    text = client(cloud, "s3").get_object(Bucket=BUCKET, Key=STATE)["Body"].read().decode()
    assert "dev-policy" in text
    assert json.loads(text)["outputs"]["gateway_id"]["value"].startswith("gw_")
    assert server.admin_key not in text
    assert not (dev.folder / "terraform.tfstate").exists()
    assert dev.plan() == 0


def test_a_lock_keeps_the_second_out_and_can_be_forced(dev: Workspace, cloud: dict[str, str]) -> None:
    """While one apply waits another ends and says whose lock it is; what a killed one left, `force-unlock` takes."""
    change = '-var=labels={team="other"}'
    first = hold(dev, change)
    try:
        until(lambda: LOCK in keys(cloud))
        refused = dev.apply()
        assert refused.status == 1
        assert "Error acquiring the state lock" in refused.output
        assert "OperationTypeApply" in refused.output
    finally:
        killed(first)
    assert LOCK in keys(cloud)
    assert dev.plan() == 1
    (lock,) = re.findall(r"ID: +([0-9a-f-]{36})", refused.output)
    assert dev.run("force-unlock", "-force", "00000000-0000-0000-0000-000000000000").status == 1
    dev.run("force-unlock", "-force", lock).ok()
    assert keys(cloud) == {STATE}
    assert dev.plan() == 0
    assert dev.plan(change) == 2


def test_drift_is_looked_for_in_the_remote_state(dev: Workspace, kit: Path) -> None:
    """A fresh checkout has nothing but the bucket, and the script of the scheduled run finds the state there."""
    fresh = kit.with_name("fresh")
    shutil.copytree(kit, fresh, ignore=shutil.ignore_patterns(".terraform*"))
    done = subprocess.run(
        ["sh", str(fresh / "drift.sh"), str(fresh / "environments" / "dev")],
        env=dev.toolbox.environment(dev.api),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no drift" in done.stderr


def test_the_line_for_an_older_terraform_locks_in_a_table(
    toolbox: Toolbox, kit: Path, cloud: dict[str, str], tmp_path: Path
) -> None:
    """A local state moves into the bucket; `dynamodb_table` instead of `use_lockfile` keeps others out, too."""
    text = (kit / "environments" / "dev" / "backend.tf").read_text(encoding="utf-8")
    older = re.sub(r"use_lockfile = true .*before: ", "", text).replace("/dev/", "/older/")
    assert TABLE in older
    assert "use_lockfile" not in older
    root = Workspace(toolbox, tmp_path / "root", cloud)
    root.write("main.tf", 'resource "terraform_data" "one" {}\n')
    root.run("init").ok()
    root.apply().ok()
    root.write("backend.tf", older)
    root.run("init", "-migrate-state", "-force-copy").ok()
    assert STATE.replace("/dev/", "/older/") in keys(cloud)
    first = hold(root, "-replace=terraform_data.one")
    try:
        until(lambda: any("Info" in row for row in client(cloud, "dynamodb").scan(TableName=TABLE)["Items"]))
        assert "Error acquiring the state lock" in root.apply().output
    finally:
        killed(first)
