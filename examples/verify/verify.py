"""
Prove an export of events without any code of Keeptrusts.

    python verify.py events.jsonl events.jsonl.manifest.json trail-keys.json [witness.json]

Needs Python 3.11 and the package `cryptography`, for Ed25519. `trail-keys.json` is what `GET /v1/trail/keys` answers;
get it from somewhere else than the export. Exit status 0: proven; 1: every finding is on a line of its own. A manifest
is not signed: whether the time and the filters are those that were asked for, is for the reader to see; they are said.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def merkle_root(leaves: list[bytes]) -> str:
    """RFC 6962, section 2.1."""
    level = [sha(b"\x00" + leaf) for leaf in leaves] or [sha(b"")]
    while len(level) > 1:
        pairs = [sha(b"\x01" + level[at] + level[at + 1]) for at in range(0, len(level) - 1, 2)]
        level = pairs + level[2 * len(pairs) :]
    return level[0].hex()


def lowest_id(moment: str) -> str:
    return f"evt_{int(datetime.fromisoformat(moment).timestamp() * 1000):012x}" + "0" * 20


def is_signed(signed: dict[str, Any], keys: dict[str, bytes]) -> bool:
    try:
        key = Ed25519PublicKey.from_public_bytes(keys[signed["key_id"]])
        key.verify(base64.b64decode(signed["signature"]), signed["payload"].encode())
    except (InvalidSignature, KeyError):
        return False
    return True


def read_checkpoints(manifest: dict[str, Any], keys: dict[str, bytes]) -> tuple[list[Any], list[str], dict[str, bytes]]:
    """The checkpoints, what is wrong with them, and their entries: id to digest and tag of the configuration."""
    low, high = lowest_id(manifest["window_from"]), lowest_id(manifest["window_to"])
    chain: list[Any] = []
    wrong: list[str] = []
    sealed: dict[str, bytes] = {}
    for signed in manifest["checkpoints"]:
        if not is_signed(signed, keys):
            wrong.append(f"checkpoint {signed['number']}: the signature does not verify")
            continue
        said = json.loads(signed["payload"]) | {"digest": "sha256:" + sha(signed["payload"].encode()).hex()}
        if said["organisation"] != manifest["organisation"]:
            wrong.append(f"checkpoint {said['number']}: it is of another organisation")
        if chain and (said["number"], said["previous"]) != (chain[-1]["number"] + 1, chain[-1]["digest"]):
            wrong.append(f"checkpoint {said['number']}: does not follow number {chain[-1]['number']}")
        if not chain and said["highest_id_before"] >= low:
            wrong.append(f"checkpoint {said['number']}: earlier ones of this time are missing")
        entries = base64.b64decode(signed.get("entries", ""))
        size = 48 if said["type"] == "keeptrusts.checkpoint.1" else 64
        leaves = [entries[at : at + size] for at in range(0, len(entries), size)]
        concerned = said["size"] > 0 and said["highest_id"] >= low and said["lowest_id"] < high
        if (concerned or leaves) and (len(leaves) != said["size"] or merkle_root(leaves) != said["root"]):
            wrong.append(f"checkpoint {said['number']}: the entries do not have the signed root")
        sealed |= {f"evt_{leaf[:16].hex()}": leaf[16:] for leaf in leaves}
        chain.append(said)
    return chain, wrong, sealed


def covers_until(manifest: dict[str, Any]) -> str:
    """A window may end later than its archive was made."""
    return str(manifest.get("covers_until", manifest["window_to"]))


def read_ends(manifest: dict[str, Any], chain: list[Any], heads: list[dict[str, Any]]) -> list[str]:
    """Whether the last checkpoints were taken away."""
    wrong = []
    until = datetime.fromisoformat(covers_until(manifest))
    if not chain or datetime.fromisoformat(chain[-1]["sealed_at"]) < until:
        wrong.append("cut tail: the checkpoints end before the time of the export does")
    digests = {said["number"]: said["digest"] for said in chain}
    last = max(digests, default=0)
    other = [one for one in heads if one["number"] > last or digests.get(one["number"], one["digest"]) != one["digest"]]
    return wrong + [f"witness: a gateway was shown another checkpoint {one['number']}" for one in other]


def spared(chain: list[Any], tag: bytes) -> str:
    """Below this id retention was to delete events of the configuration with this tag."""
    lowest = ""
    for said in chain:
        by_tag = {sha(name.encode())[:16]: bound for name, bound in said.get("deleted_of", {}).items()}
        otherwise = said.get("deleted_before", "")
        lowest = max(lowest, by_tag.get(tag, otherwise) if tag else max((otherwise, *by_tag.values())))
    return lowest


def find_missing(manifest: dict[str, Any], chain: list[Any], sealed: dict[str, bytes], seen: set[str]) -> list[str]:
    """Records that were sealed, and are neither there nor deleted by retention."""
    low, high, newest = lowest_id(manifest["window_from"]), lowest_id(manifest["window_to"]), max(seen, default="")
    kept = {tag: spared(chain, tag) for tag in {digest[32:] for digest in sealed.values()}}
    erased = {one for said in chain for one in said.get("erased", [])}
    gone = (one for one in sealed if one not in seen and one not in erased and low <= one < high)
    missing = sorted(one for one in gone if one >= kept[sealed[one][32:]])
    return [f"{'cut tail' if one > newest else 'deleted'}: {one}" for one in missing]


def find_contentless(chain: list[Any], sealed: dict[str, bytes], contentless: list[str]) -> list[str]:
    """Records whose content is gone, though it was neither erased on request nor past its time."""
    erased = {one for said in chain for one in said.get("content_erased", [])}
    lost = [one for one in contentless if one not in erased and one in sealed]
    return [f"content deleted: {one}" for one in lost if one >= spared(chain, sealed[one][32:])]


def split(line: str, event: dict[str, Any]) -> tuple[str, str | None]:
    """The text that was sealed, and what its hash leaves out of texts; None: it leaves out nothing."""
    text, found, own = line.rpartition(',"received_at":')
    # the control plane's own field stands last, and nothing behind it
    if not found or not isinstance(json.loads(own.removesuffix("}")), str):
        raise ValueError
    if event.get("form") != "keeptrusts.record.2":
        return text + "}", None
    text, found, content = text.rpartition(',"content":')
    if not found or not isinstance(json.loads(content), dict | None):
        raise ValueError
    return text + "}", content


def check_row(line: str, event: dict[str, Any], sealed: dict[str, bytes]) -> tuple[str | None, str | None]:
    """What is wrong with a record by itself, and its content."""
    identifier = event["id"]
    try:
        text, content = split(line, event)
    except ValueError:
        return f"flip: {identifier}", None
    own = text.replace(f'"hash":"{event["hash"]}",', "", 1)
    known = sealed.get(identifier, sha(text.encode()))[:32] == sha(text.encode())
    if not known or "sha256:" + sha(own.encode()).hex() != event["hash"]:
        return f"flip: {identifier}", content
    # null once it was erased, and not to be read while it is encrypted
    clear = content is not None and content != "null" and not content.startswith('{"sealed":')
    if content is not None and clear and "sha256:" + sha(content.encode()).hex() != event["content_digest"]:
        return f"flip: the content of {identifier}", content
    return None if identifier in sealed else f"back-dated: {identifier}", content


def read_event(line: str) -> dict[str, Any] | None:
    """None: it is none."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    whole = isinstance(event, dict) and isinstance(event.get("id"), str) and "hash" in event
    return event if whole else None


def check_rows(
    archive: str, manifest: dict[str, Any], sealed: dict[str, bytes]
) -> tuple[list[str], set[str], list[str]]:
    """What is wrong with the records, their ids, and the ids of those whose content is gone."""
    low, high = lowest_id(manifest["window_from"]), lowest_id(manifest["window_to"])
    wrong: list[str] = []
    seen: set[str] = set()
    contentless: list[str] = []
    newest = ""
    for number, line in enumerate(Path(archive).read_text(encoding="utf-8").split("\n"), start=1):
        event = read_event(line) if line else None
        if event is None:
            wrong += [f"unreadable: line {number}"] if line else []
            continue
        identifier = event["id"]
        if identifier in seen:
            wrong.append(f"duplicate: {identifier}")
        elif identifier < newest:
            wrong.append(f"reordered: {identifier}")
        if not low <= identifier < high:
            wrong.append(f"outside: {identifier}")
        fault, content = check_row(line, event, sealed)
        wrong += [fault] if fault else []
        contentless += [identifier] if content == "null" else []
        seen.add(identifier)
        newest = max(newest, identifier)
    return wrong, seen, contentless


def main(archive: str, manifest_file: str, keys_file: str, witness_file: str = "") -> int:
    manifest = json.loads(Path(manifest_file).read_bytes())
    listed = json.loads(Path(keys_file).read_bytes())["data"]
    keys = {one["key_id"]: base64.b64decode(one["public_key"]) for one in listed}
    heads = json.loads(Path(witness_file).read_bytes())["heads"] if witness_file else []
    chain, wrong, sealed = read_checkpoints(manifest, keys)
    wrong += read_ends(manifest, chain, heads)
    faults, seen, contentless = check_rows(archive, manifest, sealed)
    wrong += faults + find_contentless(chain, sealed, contentless)
    if not manifest["filters"]:
        wrong += find_missing(manifest, chain, sealed, seen)
    print("\n".join(wrong) or f"proven: {len(seen)} records, {len(sealed)} sealed entries")
    filters = f"filtered: {manifest['filters']}" if manifest["filters"] else "all events"
    print(f"{manifest['organisation']}, from {manifest['window_from']} to {covers_until(manifest)}, {filters}")
    return 1 if wrong else 0


if __name__ == "__main__":
    if len(sys.argv) not in {4, 5}:
        sys.exit(__doc__)
    try:
        sys.exit(main(*sys.argv[1:]))
    except (AttributeError, KeyError, TypeError, ValueError) as failed:
        sys.exit(f"unreadable: a file is not what it is taken for ({type(failed).__name__})")
