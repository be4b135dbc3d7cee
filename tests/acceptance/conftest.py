"""What these tests drive has to be there: a checkout without `kt dev` or the provider cannot be walked through."""

from __future__ import annotations

from importlib.util import find_spec

NEEDS = {
    "test_demo.py": ("keeptrusts.cli.dev", "keeptrusts.cli.terraform"),
    "test_kit.py": ("keeptrusts.cli.dev", "keeptrusts.cli.terraform"),
    "test_readme.py": ("keeptrusts.cli.dev", "keeptrusts.cli.terraform"),
}
"""Test module -> modules of the product that it walks through."""

collect_ignore = [name for name, modules in NEEDS.items() if not all(find_spec(module) for module in modules)]
