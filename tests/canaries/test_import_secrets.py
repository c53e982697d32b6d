"""No file that an import writes has a secret: not one that a ledger knows of, nor a hidden one."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from canaries.planted import MANIFESTS, Place, leaks

SENSITIVE = ("build", "hook", "header", "hidden")
"""What the schema marks, or a release hides, so that nobody has to be told."""


def imported(place: Place, *args: str) -> str:
    """What an import prints; its files are searched, too."""
    done = place.command("import", "--all", "-e", "dev", *args)
    assert done.code == 0, done.err
    found = leaks(done.out) + leaks(done.err)
    assert not found, found
    texts = [p.read_text("utf-8") for p in (place.folder / "manifests").rglob("*") if p.is_file()]
    texts += [p.read_text("utf-8") for p in place.folder.glob(".*") if p.is_file()]
    return "\n".join(texts)


@pytest.mark.parametrize("output", ["text", "json"])
@pytest.mark.parametrize("layout", ["resource", "one-file"])
@pytest.mark.parametrize("is_set", [True, False])
def test_no_file_of_an_import_has_a_secret(
    place: Place, layout: str, output: str, is_set: bool
) -> None:
    assert place.run("apply", "--yes").code == 0
    shutil.rmtree(place.folder / "manifests")
    if not is_set:
        for name in place.canaries.environment:
            if name != "PEAK_AUTH_TOKEN":
                place.env.delenv(name)
    text = imported(place, "--layout", layout, "-o", output)
    assert "visible-value" in text
    assert leaks(text) == []
    assert place.command("validate", "-e", "dev", "--unset-env", "unknown").code == 0
    plan = place.command("plan", "-e", "dev", "--unset-env", "unknown", "--show-ignored")
    assert "No changes." in plan.out, plan.out


def test_without_a_ledger_what_the_schema_or_a_release_hides_stays_hidden(place: Place) -> None:
    """What was sent in clear and comes back in clear is a secret by its name or form alone."""
    text = re.sub(r"\{\{ os_env\.C_NUMBER[^}]*\}\}", "60", MANIFESTS)
    text = re.sub(r"\{\{ os_env\.(\w+)[^}]*\}\}", r"plain \1", text)
    (place.folder / "manifests" / "all.yaml").write_text(text, encoding="utf-8")
    told = (place.folder / "peakctl.yaml").read_text(encoding="utf-8")
    unowned = told.replace("stage: dev,", "stage: dev, ledger: false,")
    (place.folder / "peakctl.yaml").write_text(unowned, encoding="utf-8")
    assert place.run("apply", "--yes").code == 0
    (place.folder / "peakctl.yaml").write_text(told, encoding="utf-8")
    shutil.rmtree(place.folder / "manifests")
    for name in place.canaries.environment:
        if name != "PEAK_AUTH_TOKEN":
            place.env.delenv(name)
    written = imported(place)
    assert [word for word in SENSITIVE if place.canaries.typed[word] in written] == []
    assert Path(".env.example").exists()
