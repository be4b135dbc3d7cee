"""
The provider as a folder that needs nothing but Python: launcher, our modules, and the pure-Python packages they use.

Terraform hashes that folder at every command, so the same version always gives the same bytes and nothing is ever
written into it: it starts with `-B`, and its compiled files are never checked against their sources.
"""

from __future__ import annotations

import base64
import io
import json
import marshal
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Mapping
from hashlib import sha256
from importlib import metadata
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from typing import Final

import keeptrusts
from keeptrusts.core.version import VERSION
from keeptrusts.terraform.main import METHODS_FILE, SCHEMA, SCHEMA_FILE
from keeptrusts.terraform.provider import Provider

NAME: Final = f"terraform-provider-keeptrusts_v{VERSION}"
OURS: Final = ("core", "api", "detect", "policy", "client", "terraform")
LEFT_OUT: Final = frozenset(
    f"terraform/{name}.py" for name in ("package", "install", "pages", "examples", "adopting", "hcl", "differences")
)
UNUSED: Final = ("annotated_types/test_cases.py", "urllib3/contrib/")
"""What no module of ours leads to; Terraform hashes every byte at every command."""
THEIRS: Final = ("PyYAML", "annotated-types", "typing-extensions", "urllib3")
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_UNCHECKED_HASH: Final = 1
_PLAIN_MARSHAL: Final = 2
"""Later formats depend on how many references the compiling process happens to hold."""

LAUNCHER: Final = '''\
#!/usr/bin/env -S python3 -ISB
"""The Keeptrusts provider for Terraform. Terraform starts it."""
import sys

if sys.version_info < (3, 11):
    # on stdout: Terraform shows what it cannot read there, and nothing of stderr
    print("the Keeptrusts provider needs Python 3.11 or later as `python3`; this is " + sys.version.split()[0])
    sys.exit(1)

import os

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "lib"))

from keeptrusts.terraform.main import main

os._exit(main())
'''

RECORDER: Final = """\
import builtins, dataclasses, importlib, json, sys
texts = set()
def record(text, *names):
    texts.add(text)
    builtins.exec(text, *names)
dataclasses.exec = record
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps(sorted(texts)))
"""


def build() -> dict[str, bytes]:
    """Every file of the folder: its path, with slashes, and its bytes. The launcher is to be executable."""
    files = {NAME: LAUNCHER.encode()}
    for path, source in sorted({**_our_modules(), **_their_modules()}.items()):
        files[f"lib/{path}"] = source
        if path.endswith(".py"):
            files[f"lib/{_compiled_path(path)}"] = _compile(path, source)
    files[f"lib/keeptrusts/terraform/{SCHEMA_FILE}"] = Provider({}).handle(SCHEMA, b"")
    files[f"lib/keeptrusts/terraform/{METHODS_FILE}"] = _methods(_our_modules())
    files.update(_licences())
    return files


def write_folder(files: Mapping[str, bytes], folder: Path) -> None:
    """Write them below `folder`, which does not exist yet."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o755 if name == NAME else 0o644)


def archive(files: Mapping[str, bytes]) -> bytes:
    """The same as an archive of the kind that Terraform unpacks; the same files always give the same bytes."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as opened:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = 3
            entry.external_attr = (0o755 if name == NAME else 0o644) << 16
            opened.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return held.getvalue()


def h1(files: Mapping[str, bytes]) -> str:
    """Terraform's hash of a provider: over the names and digests of its files, in order (`dirhash.Hash1` of Go)."""
    lines = "".join(f"{sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items()))
    return "h1:" + base64.b64encode(sha256(lines.encode()).digest()).decode()


def write_zip(files: Mapping[str, bytes], path: Path) -> None:
    """The archive as a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(archive(files))


def _our_modules() -> dict[str, bytes]:
    root = Path(keeptrusts.__path__[0])
    found = {"keeptrusts/__init__.py": (root / "__init__.py").read_bytes()}
    for package in OURS:
        for path in sorted((root / package).rglob("*.py")):
            name = path.relative_to(root).as_posix()
            if name not in LEFT_OUT:
                found[f"keeptrusts/{name}"] = path.read_bytes()
    return found


def _their_modules() -> dict[str, bytes]:
    found = {}
    for package in THEIRS:
        for file in metadata.files(package) or ():
            name = file.as_posix()
            if file.suffix == ".py" and ".." not in file.parts and not name.startswith(("_yaml/", *UNUSED)):
                found[name] = Path(str(file.locate())).read_bytes()
    return found


def _licences() -> dict[str, bytes]:
    found = {}
    for package in THEIRS:
        for file in metadata.files(package) or ():
            if file.name.upper().startswith(("LICENSE", "LICENCE", "COPYING")):
                found[f"licences/{package}-{file.name}"] = Path(str(file.locate())).read_bytes()
    return found


def _compiled_path(path: str) -> str:
    folder, _, name = path.rpartition("/")
    cached = f"__pycache__/{name.removesuffix('.py')}.{sys.implementation.cache_tag}.pyc"
    return f"{folder}/{cached}" if folder else cached


def _methods(paths: Iterable[str]) -> bytes:
    """What `dataclasses` would compile when these modules are imported, compiled; see `use_compiled_methods`."""
    names = [path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in paths]
    ran = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-IB", "-c", RECORDER, *names], capture_output=True, check=True
    )
    texts: list[str] = json.loads(ran.stdout)
    return marshal.dumps({text: _marshalled("<dataclass>", text) for text in texts}, _PLAIN_MARSHAL)


def _compile(path: str, source: bytes) -> bytes:
    """For the interpreter that runs now; another version compiles the source at each start instead."""
    return MAGIC_NUMBER + _UNCHECKED_HASH.to_bytes(4, "little") + bytes(8) + _marshalled(path, source)


def _marshalled(path: str, source: str | bytes) -> bytes:
    code = compile(source, path, "exec", dont_inherit=True, optimize=0)
    return marshal.dumps(code, _PLAIN_MARSHAL)
