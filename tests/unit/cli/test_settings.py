"""Where settings come from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from keeptrusts.cli.settings import DEFAULT_API_URL, Setting, Settings, config_path
from keeptrusts.core.errors import InputError

NO_FLAGS: Mapping[str, str | None] = {}


def write_config(home: Path, text: str) -> dict[str, str]:
    """The environment in which this is the configuration file."""
    path = home / "keeptrusts" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    return {"XDG_CONFIG_HOME": str(home)}


def test_each_source_beats_the_next(tmp_path: Path) -> None:
    """Flag, then environment, then profile, then default."""
    file = write_config(tmp_path, '[profiles.default]\napi_url = "https://file"\n')
    environment = file | {"KEEPTRUSTS_API_URL": "https://environment"}
    steps = [
        Settings({"api_url": "https://flag"}, environment),
        Settings({"api_url": None}, environment),
        Settings(NO_FLAGS, file),
        Settings(NO_FLAGS, {"HOME": str(tmp_path / "nowhere")}),
    ]
    assert [(one["api_url"].value, one["api_url"].origin.split()[0]) for one in steps] == [
        ("https://flag", "flag"),
        ("https://environment", "environment"),
        ("https://file", "profile"),
        (DEFAULT_API_URL, "default"),
    ]


def test_the_alias_of_the_key_comes_second() -> None:
    """`KEEPTRUSTS_API_TOKEN` wins over `KEEPTRUSTS_API_KEY`; an empty one does not count."""
    both = {"KEEPTRUSTS_API_TOKEN": "kt_key_a_1", "KEEPTRUSTS_API_KEY": "kt_key_b_2", "HOME": "/nowhere"}
    assert Settings(NO_FLAGS, both)["api_token"].origin == "environment KEEPTRUSTS_API_TOKEN"
    assert Settings(NO_FLAGS, both | {"KEEPTRUSTS_API_TOKEN": ""})["api_token"].value == "kt_key_b_2"


def test_a_profile_is_chosen_by_flag_or_environment(tmp_path: Path) -> None:
    """A named profile is the only one that counts."""
    file = write_config(
        tmp_path, '[profiles.default]\napi_url = "https://d"\n[profiles.staging]\napi_token = "kt_key_s_x"\n'
    )
    by_flag = Settings({"profile": "staging"}, file | {"KEEPTRUSTS_PROFILE": "default"})
    assert (by_flag["api_url"].value, by_flag["api_token"].value) == (DEFAULT_API_URL, "kt_key_s_x")
    by_variable = Settings(NO_FLAGS, file | {"KEEPTRUSTS_PROFILE": "staging"})
    assert by_variable.all()[0] == Setting("profile", "staging", "environment KEEPTRUSTS_PROFILE")


@pytest.mark.parametrize(
    ("text", "profile", "message"),
    [
        ("[profiles.default", None, "is not TOML"),
        ('api_url = "x"\n', None, "holds tables like"),
        ("profiles = 3\n", None, "holds tables like"),
        ('[profiles.default]\napi_ulr = "x"\n', None, "`api_ulr` in .* is no setting"),
        ("[profiles.default]\napi_url = 3\n", None, "`api_url` in .* is no setting"),
        ("[profiles.default]\n", "other", "there is no profile `other`"),
    ],
)
def test_a_file_that_says_nothing_useful_is_refused(
    tmp_path: Path, text: str, profile: str | None, message: str
) -> None:
    """A misspelt setting is not passed over."""
    with pytest.raises(InputError, match=message):
        Settings({"profile": profile}, write_config(tmp_path, text))


def test_a_profile_without_a_file_is_refused(tmp_path: Path) -> None:
    """Who names a profile gets it or an error, never the defaults."""
    with pytest.raises(InputError, match="does not exist"):
        Settings({"profile": "staging"}, {"HOME": str(tmp_path)})


@pytest.mark.parametrize(
    ("setting", "shown"),
    [
        (Setting("api_token", "kt_key_0123_secret", ""), "kt_key_0123_..."),
        (Setting("api_token", "kt_key_0123_", ""), "(set)"),
        (Setting("api_token", "secret", ""), "(set)"),
        (Setting("api_token", "not_ours_secret", ""), "(set)"),
        (Setting("api_token", "", ""), ""),
        (Setting("api_url", "https://a_b", ""), "https://a_b"),
    ],
)
def test_a_secret_is_shown_as_far_as_its_id(setting: Setting, shown: str) -> None:
    """Enough to tell keys apart, nothing to use one."""
    assert setting.shown == shown


def test_the_file_is_where_the_platform_has_it() -> None:
    """`XDG_CONFIG_HOME`, else `~/.config`."""
    assert config_path({"HOME": "/h"}) == Path("/h/.config/keeptrusts/config.toml")
    assert config_path({"HOME": "/h", "XDG_CONFIG_HOME": "/x"}) == Path("/x/keeptrusts/config.toml")
