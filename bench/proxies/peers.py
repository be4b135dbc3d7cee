"""
The contenders, each as one process on one core before the same upstream, set up the way its own documentation says.

All but Keeptrusts pass requests on as they are. Keeptrusts governs them: five kinds, and a record that is durable
before the answer.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import yaml

TOOLS = Path(__file__).parents[2] / "build" / "bench"
MEASURED_CORE, OTHER_CORE = 0, 1
ENVOY = "type.googleapis.com/envoy.extensions.filters"
Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Place:
    """Where a contender is to run: its folder, its port, and the upstream's."""

    folder: Path
    port: int
    upstream: int

    def write(self, name: str, text: str) -> Path:
        """A file of its configuration."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path


@dataclass(frozen=True)
class Peer:
    """
    A contender.

    Args:
        program: What runs it; None when it is not installed.
        version: Arguments that make it tell its version.
        missing: How to install it.
        headers: What each request must say besides.
    """

    name: str
    program: str | None
    command: Callable[[str, Place], Sequence[str | Path]]
    version: Sequence[str]
    missing: str
    headers: Callable[[Place], Headers] = lambda _: ()
    environment: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Running:
    """A contender that answers."""

    peer: Peer
    place: Place
    pid: int
    ready_seconds: float


def _nginx(program: str, place: Place) -> Sequence[str | Path]:
    folder = place.folder
    temporary = " ".join(f"{name}_temp_path {folder}/{name};" for name in ("proxy", "fastcgi", "uwsgi", "scgi"))
    config = place.write(
        "nginx.conf",
        f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/log;\n"
        "events { worker_connections 2048; }\n"
        "http { access_log off; keepalive_requests 1000000000; client_body_buffer_size 64k;\n"
        f"client_body_temp_path {folder}/body; {temporary}\n"
        f"upstream up {{ server 127.0.0.1:{place.upstream}; keepalive 256; keepalive_requests 1000000000; }}\n"
        f"server {{ listen 127.0.0.1:{place.port} backlog=1024; location / {{ proxy_pass http://up;"
        ' proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; } } }\n',
    )
    return [program, "-p", folder, "-c", config]


def _haproxy(program: str, place: Place) -> Sequence[str | Path]:
    config = place.write(
        "haproxy.cfg",
        "global\n  nbthread 1\n"
        "defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n  http-reuse always\n"
        f"listen bench\n  bind 127.0.0.1:{place.port}\n  server up 127.0.0.1:{place.upstream}\n",
    )
    return [program, "-f", config, "-db"]


def _envoy(program: str, place: Place) -> Sequence[str | Path]:
    router = {
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": f"{ENVOY}.http.router.v3.Router"},
    }
    routes = [{"match": {"prefix": "/"}, "route": {"cluster": "up", "timeout": "60s"}}]
    manager = {
        "@type": f"{ENVOY}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": [router],
    }
    listener = {
        "address": _address(place.port),
        "filter_chains": [
            {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
        ],
    }
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": _address(place.upstream)}}]}]
    cluster = {"name": "up", "type": "STATIC", "load_assignment": {"cluster_name": "up", "endpoints": endpoints}}
    config = {"static_resources": {"listeners": [listener], "clusters": [cluster]}}
    written = place.write("envoy.yaml", yaml.safe_dump(config))
    return [program, "-c", written, "--concurrency", "1", "--disable-hot-restart", "-l", "error"]


def _address(port: int) -> dict[str, object]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _litellm(program: str, place: Place) -> Sequence[str | Path]:
    url = f"http://127.0.0.1:{place.upstream}/v1"
    parameters = {"model": "openai/gpt-4o", "api_base": url, "api_key": "sk-up"}
    model = {"model_name": "gpt-4o", "litellm_params": parameters}
    config = place.write("litellm.yaml", yaml.safe_dump({"model_list": [model]}))
    return [program, "--config", config, "--host", "127.0.0.1", "--port", str(place.port), "--num_workers", "1"]


def _portkey(program: str, place: Place) -> Sequence[str | Path]:
    server = TOOLS / "node_modules/@portkey-ai/gateway/build/start-server.js"
    return [program, server, f"--port={place.port}", "--headless"]


def _portkey_headers(place: Place) -> Headers:
    return (("x-portkey-provider", "openai"), ("x-portkey-custom-host", f"http://127.0.0.1:{place.upstream}/v1"))


def _keeptrusts(program: str, place: Place) -> Sequence[str | Path]:
    target = {"id": "up", "provider": "openai-compatible", "base_url": f"http://127.0.0.1:{place.upstream}/v1"}
    kinds: dict[str, dict[str, object]] = {
        "prompt-injection": {},
        "pii-detector": {},
        "secret-scanner": {},
        "topic-filter": {"blocked_topics": ["gambling", "weapons", "wolfram smuggling"]},
        "audit-logger": {},
    }
    policy = {
        "pack": {"name": "bench", "version": "1.0.0", "enabled": True},
        "providers": {"targets": [target]},
        "policies": {"chain": list(kinds)},
        "policy": kinds,
    }
    config = place.write("policy.yaml", yaml.safe_dump(policy))
    listen = f"127.0.0.1:{place.port}"
    return [program, "gateway", "run", "--listen", listen, "--policy-config", config, "--spool-dir", place.folder / "s"]


def peers() -> list[Peer]:
    """All of them, installed or not."""
    node = shutil.which("node") if (TOOLS / "node_modules/@portkey-ai/gateway").exists() else None
    tools = f"{TOOLS / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    bench = "make build/bench/.done"
    return [
        Peer("nginx", shutil.which("nginx"), _nginx, ["-v"], "apt-get install nginx"),
        Peer("haproxy", shutil.which("haproxy"), _haproxy, ["-v"], "apt-get install haproxy"),
        Peer("envoy", shutil.which("envoy", path=tools), _envoy, ["--version"], bench),
        Peer("keeptrusts", str(Path(sys.executable).with_name("kt")), _keeptrusts, ["--version"], "make setup"),
        Peer("portkey", node, _portkey, [], bench, _portkey_headers, (("TRUSTED_CUSTOM_HOSTS", "127.0.0.1"),)),
        Peer(
            "litellm", shutil.which("litellm", path=tools), _litellm, ["--version"], bench,
            environment=(
                ("LITELLM_MASTER_KEY", "sk-bench"), ("LITELLM_LOCAL_MODEL_COST_MAP", "True"), ("LITELLM_LOG", "ERROR"),
            ),
        ),
    ]  # fmt: skip


@contextmanager
def started(peer: Peer, folder: Path, upstream: int, *, seconds: float = 90) -> Iterator[Running]:
    """
    Run a contender alone on its core until the block ends.

    Raises:
        RuntimeError: It ended or did not listen in time; its last lines of output are told.
    """
    assert peer.program is not None
    place = Place(folder / peer.name, free_port(), upstream)
    place.folder.mkdir()
    log = place.folder / "output"
    began = time.perf_counter()
    with log.open("wb") as output, subprocess.Popen(
        peer.command(peer.program, place), stdout=output, stderr=subprocess.STDOUT, env=_environment(peer),
        start_new_session=True, preexec_fn=lambda: os.sched_setaffinity(0, {MEASURED_CORE}),  # noqa: PLW1509
    ) as process:  # fmt: skip
        try:
            while not listens(place.port):
                if process.poll() is not None or time.perf_counter() - began > seconds:
                    raise RuntimeError(f"{peer.name} does not run: {log.read_text(errors='replace')[-600:]}")
                time.sleep(0.01)
            yield Running(peer, place, process.pid, time.perf_counter() - began)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, 15)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)


def free_port() -> int:
    """A port that nobody listens at just now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def _environment(peer: Peer) -> dict[str, str]:
    """Without a control plane that somebody may have set: the records stay in the spool."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KEEPTRUSTS_")}
    return kept | dict(peer.environment)
