"""
The provider as a folder that needs nothing but Python: launcher, our modules, and the pure-Python packages they use.

Terraform hashes that folder at every command, so the same version always gives the same bytes and nothing is ever
written into it: it starts with `-B`, and its compiled files are never checked against their sources.
"""

from __future__ import annotations

import base64
import io
import marshal
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from importlib import metadata
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from types import CodeType
from typing import Any, Final

import keeptrusts
from keeptrusts.core.version import VERSION
from keeptrusts.terraform import bundle, prepared
from keeptrusts.terraform.main import READY
from keeptrusts.terraform.plugin.certificate import POINTS_FILE, base_points
from keeptrusts.terraform.provider import Provider
from keeptrusts.terraform.sound import SOURCES_FILE

NAME: Final = f"terraform-provider-keeptrusts_v{VERSION}"
OURS: Final = ("core", "api", "detect", "policy", "client", "terraform")
LEFT_OUT: Final = frozenset(
    f"terraform/{name}.py" for name in ("package", "install", "pages", "examples", "adopting", "hcl", "differences")
)
UNUSED: Final = ("annotated_types/test_cases.py", "urllib3/contrib/")
"""What no module of ours leads to; Terraform hashes every byte at every command."""
CALLED: Final = "urllib3"
"""Imported with the first call to the control plane; its patterns, and those of what it imports, are prepared too."""
EMPTIED: Final = frozenset({"urllib3/http2/__init__.py"})
"""Puts HTTP/2 into urllib3 when it is called, which nobody does, and imports all of `importlib.metadata` for it."""
THEIRS: Final = ("PyYAML", "annotated-types", "typing-extensions", "urllib3")
_OF_CODE: Final = (
    "co_consts", "co_names", "co_varnames", "co_freevars", "co_cellvars",
    "co_filename", "co_name", "co_qualname", "co_linetable", "co_exceptiontable",
)  # fmt: skip
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_MARSHAL: Final = 4
"""Repeats are written once: a fifth smaller than format 2, and read a tenth faster."""

LAUNCHER: Final = '''\
#!/usr/bin/env -S python3 -ISB
"""The Keeptrusts provider for Terraform. Terraform starts it."""
import sys

if sys.version_info < (3, 11):
    # on stdout: Terraform shows what it cannot read there, and nothing of stderr
    print("the Keeptrusts provider needs Python 3.11 or later as `python3`; this is " + sys.version.split()[0])
    sys.exit(1)

import os

lib = os.path.join(os.path.dirname(os.path.realpath(__file__)), "lib")
try:
    file = os.open(lib + "/modules." + sys.implementation.cache_tag + ".bin", os.O_RDONLY)
    size = os.fstat(file).st_size
    magic = os.pread(file, 4, 0)
except OSError:
    magic = b""
if magic == sys.modules["_frozen_importlib_external"].MAGIC_NUMBER:
    import marshal

    names = {"__name__": "keeptrusts.terraform.bundle"}
    first = int.from_bytes(os.pread(file, 4, size - 4), "little")
    exec(marshal.loads(os.pread(file, first, size - 4 - first)), names)
    sys.meta_path.insert(0, names["Bundle"](file, lib))
else:
    sys.path.insert(0, lib + "/sources.zip")

from keeptrusts.terraform.main import main

os._exit(main())
'''


def build() -> dict[str, bytes]:
    """Every file of the folder: its path, with slashes, and its bytes. The launcher is to be executable."""
    sources = {**_our_modules(), **_their_modules()}
    codes = {_module(path): (path, _marshalled(path, source)) for path, source in sources.items()}
    first = codes[bundle.__name__][1]
    # the launcher finds the importer at the very end
    modules = bundle.packed(codes, MAGIC_NUMBER) + first + len(first).to_bytes(4, "little")
    return {
        NAME: LAUNCHER.encode(),
        f"lib/{bundle.FILE}": modules,
        "lib/sources.zip": archive(sources),
        **{f"lib/keeptrusts/terraform/{name}": Provider({}).handle(call, b"") for call, name in READY.items()},
        f"lib/keeptrusts/terraform/{prepared.FILE}": _prepared(_our_modules()),
        f"lib/keeptrusts/terraform/plugin/{POINTS_FILE}": base_points(),
        f"lib/keeptrusts/terraform/{SOURCES_FILE}": _digest(sources),
        **_licences(),
    }


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
    return "h1:" + base64.b64encode(_digest(files)).decode()


def write_zip(files: Mapping[str, bytes], path: Path) -> None:
    """The archive as a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(archive(files))


def _digest(files: Mapping[str, bytes]) -> bytes:
    lines = "".join(f"{sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items()))
    return sha256(lines.encode()).digest()


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
                found[name] = b"" if name in EMPTIED else Path(str(file.locate())).read_bytes()
    return found


def _licences() -> dict[str, bytes]:
    found = {}
    for package in THEIRS:
        for file in metadata.files(package) or ():
            if file.name.upper().startswith(("LICENSE", "LICENCE", "COPYING")):
                found[f"licences/{package}-{file.name}"] = Path(str(file.locate())).read_bytes()
    return found


def _module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _prepared(paths: Iterable[str]) -> bytes:
    """What `dataclasses` and `re` would compile when these modules are imported, compiled; see `prepared`."""
    ran = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-IB", "-c", prepared.RECORDER, *map(_module, paths), CALLED], capture_output=True, check=True
    )
    texts, patterns = marshal.loads(ran.stdout)  # noqa: S302 - of the process above
    methods = {text: _marshalled("<dataclass>", text) for text in texts}
    return prepared.packed(methods, dict(patterns))


def _marshalled(path: str, source: str | bytes) -> bytes:
    code = compile(source, path, "exec", dont_inherit=True, optimize=0)
    held = list(_parts(code))  # marshal asks whether anybody else holds a part: so that the answer is always yes
    dumped = marshal.dumps(code, _MARSHAL)
    del held
    return dumped


def _parts(part: Any) -> Iterator[Any]:
    """Whatever a code object is made of. A sign of Latin 1 is one object everywhere, and may be interned by anybody."""
    yield sys.intern(part) if isinstance(part, str) and len(part) <= 1 and part < "\u0100" else part
    if isinstance(part, CodeType):
        for name in _OF_CODE:
            yield from _parts(getattr(part, name))
    elif isinstance(part, tuple | frozenset):
        for inner in part:
            yield from _parts(inner)
