"""The lock file is whole: all that setup installs, and nothing of the machine that made it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOCK = (ROOT / "requirements.lock").read_text("utf-8")
LOCKED = {re.sub(r"[_.]", "-", name).lower() for name in re.findall(r"^([\w.-]+)==", LOCK, re.M)}


def wanted() -> list[str]:
    found = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    project = found["project"]
    each = [*project["dependencies"], *project["optional-dependencies"]["emulator"]]
    return each + found["dependency-groups"]["dev"] + found["build-system"]["requires"]


@pytest.mark.parametrize("requirement", wanted())
def test_everything_that_setup_needs_is_locked(requirement: str) -> None:
    name = re.split(r"[<>=\[;]", requirement)[0]
    assert re.sub(r"[_.]", "-", name).lower() in LOCKED


FILES = ("requirements.lock", "docs/requirements.lock", "tests/readers/requirements.lock")


@pytest.mark.parametrize("file", FILES)
def test_every_locked_package_has_hashes(file: str) -> None:
    lock = (ROOT / file).read_text("utf-8")
    packages = re.split(r"\n(?=\S)", lock.partition("\n")[2].strip())
    assert len(packages) == len(re.findall(r"^[\w.-]+==", lock, re.M)) > 0
    assert [p for p in packages if "--hash=sha256:" not in p] == []


@pytest.mark.parametrize("file", FILES)
def test_the_lock_names_no_host_and_no_path(file: str) -> None:
    lock = (ROOT / file).read_text("utf-8")
    assert not re.search(r"://|^\s*-(?!-hash)|(?<![\w=])/\w", lock, re.M)
