"""`peakctl convert`: what it reads and writes, what it asks, and that all or nothing is written."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from peakctl import UsageError, convert

Peakctl = Callable[..., Any]
SCRIPT = """\
#!/bin/bash
IMAGE=$(peak images create bodies/image.yaml -p stage=$STAGE | jq -r .imageId)
peak services create --name api --service-type api --image-id $IMAGE --env GREETING='{{ hi }}'
peak workflows create bodies/flow.yaml -p image=$IMAGE -p stage=$STAGE
peak workflows execute 12
"""
IMAGE = """\
body:
  name: base-{{ stage }}
  type: workflow
  buildDetails:
    source: upload
    useCache: yes
artifact:
  path: src
"""
FLOW = """\
body:
  name: night
  triggers:
    - cron: "0 2 * * *"
  steps:
    {% for name in ["a", "b"] %}
    {{ name }}:
      type: export
      schema: public
      table: {{ name }}
      sortBy: id
    {% endfor %}
    run:
      type: standard
      command: python run.py
      imageId: {{ image }}
      resources: {instanceTypeId: 21, storage: 10GB}
"""


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    files = {
        "deploy.sh": SCRIPT,
        "bodies/image.yaml": IMAGE,
        "bodies/flow.yaml": FLOW,
        "src/Dockerfile": "FROM python:3\n",
        "peakctl.yaml": (
            "project: moved\nmanifests: [manifests]\nenvironments:\n"
            "  local: {emulator: {buildSeconds: 0}, parameters: {stage: dev}}\n"
        ),
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_what_is_converted_plans_and_applies(peakctl: Peakctl, make_emulator: Any) -> None:
    done = peakctl("convert", "deploy.sh", "bodies", "--into", "manifests")
    assert done.code == 0
    assert "+ manifests/images/base--stage.yaml\n" in done.out
    assert "  stage: $STAGE  deploy.sh:2\n" in done.out
    assert done.out.endswith("Converted: 3 manifests.\nNext: peakctl validate -f manifests\n")
    assert "convert/no-counterpart" in done.err
    assert "deploy.sh:5:1" in done.err
    platform = make_emulator()
    assert peakctl("validate", "-e", "local").code == 0
    assert peakctl("apply", "-e", "local", "--yes", emulator=platform).code == 0
    assert peakctl("plan", "-e", "local", "--detailed-exitcode", emulator=platform).code == 0
    shown = json.loads(
        peakctl("get", "services", "-e", "local", "-o", "json", emulator=platform).out
    )
    assert "api" in str(shown)


def test_a_second_time_nothing_changes(peakctl: Peakctl) -> None:
    peakctl("convert", "deploy.sh", "bodies", "--into", "manifests")
    again = peakctl("convert", "deploy.sh", "bodies", "--into", "manifests")
    assert again.code == 0
    assert "= manifests/images/base--stage.yaml\n" in again.out
    assert "+ " not in again.out


def test_without_a_folder_the_manifests_are_printed(peakctl: Peakctl, repository: Path) -> None:
    done = peakctl("convert", "bodies/image.yaml")
    assert done.out.startswith("# Converted from bodies/image.yaml.\napiVersion: peakctl/v1\n")
    assert "path: src" in done.out
    assert "Converted: 1 manifest." in done.err
    found = json.loads(peakctl("convert", "bodies/image.yaml", "-o", "json").out)
    assert [each["file"] for each in found["files"]] == ["images/base--stage.yaml"]
    assert found["parameters"] == {"stage": ""}
    assert not (repository / "manifests").exists()


def test_with_one_error_nothing_is_written(peakctl: Peakctl, repository: Path) -> None:
    (repository / "bodies" / "web.yaml").write_text(
        "body:\n  name: w\n  imageDetails: {imageId: 1}\n  sessionStickiness: true\n"
    )
    done = peakctl("convert", "deploy.sh", "bodies", "--into", "manifests")
    assert done.code == 10
    assert "error[convert/kind]: it may be Service or Webapp" in done.err
    assert "--kind bodies/web.yaml=Service" in done.err
    assert not (repository / "manifests").exists()
    told = ("--kind", "bodies/web.yaml=webapp")
    assert peakctl("convert", "deploy.sh", "bodies", "--into", "manifests", *told).code == 0
    assert (repository / "manifests/webapps/w.yaml").exists()


def test_nothing_is_overwritten(peakctl: Peakctl, repository: Path) -> None:
    path = repository / "manifests/images/base--stage.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("mine\n")
    done = peakctl("convert", "deploy.sh", "bodies", "--into", "manifests")
    assert done.code == 64
    assert "files/exists" in done.err
    assert [p for p in (repository / "manifests").rglob("*") if p.is_file()] == [path]
    assert path.read_text() == "mine\n"


def test_files_that_were_not_given_are_not_read(
    peakctl: Peakctl, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = repository / "outside.yaml"
    outside.write_text(IMAGE)
    (repository / "bodies" / "link.yaml").symlink_to(outside)
    (repository / "bodies" / "inc.yaml").write_text(
        'body:\n  name: x\n  {% include "../outside.yaml" %}\n'
    )
    opened: list[str] = []
    real = os.open

    def watched(path: Any, *rest: Any, **more: Any) -> int:
        opened.append(os.path.realpath(os.fspath(path)) if not isinstance(path, int) else "")
        return real(path, *rest, **more)

    monkeypatch.setattr(os, "open", watched)
    done = peakctl("convert", "deploy.sh", "bodies")
    assert done.code == 10
    assert "convert/include" in done.err
    assert str(outside) not in opened
    assert str(repository / "bodies/image.yaml") in opened
    lone = peakctl("convert", "deploy.sh")
    assert "convert/not-given" in lone.err
    assert "kind: Service" in lone.out


def test_names_are_asked_of_a_tenant(
    peakctl: Peakctl, make_emulator: Any, repository: Path
) -> None:
    platform = make_emulator()
    peakctl("convert", "deploy.sh", "bodies", "--into", "manifests")
    peakctl("apply", "-e", "local", "--yes", emulator=platform)
    listed = json.loads(
        peakctl("get", "images", "-e", "local", "-o", "json", emulator=platform).out
    )
    id_ = next(iter(listed["resources"]))["id"]
    (repository / "more.sh").write_text(
        f"peak services create --name two --image-id {id_} --instance-type-id 43\n"
        f"peak images create-version {id_} --version 0.0.9 --source github\n"
    )
    done = peakctl("convert", "more.sh", "-e", "local", emulator=platform)
    assert done.code == 0
    assert "name: base-dev" in done.out
    assert "instanceType: " in done.out
    assert "metadata:\n  name: base-dev\nspec:\n" in done.out
    alone = peakctl("convert", "more.sh")
    assert alone.code == 10
    assert "or name a tenant with -e" in alone.err


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("deploi.sh",), 64, "did you mean: deploy.sh"),
        (("deploy.sh", "--kind", "Webap"), 64, "did you mean: Webapp"),
        (("deploy.sh", "--kind", "x.yaml=Webapp"), 64, "convert/not-found"),
        ((), 64, "missing argument"),
    ],
)
def test_wrong_words_are_told(
    peakctl: Peakctl, args: tuple[str, ...], code: int, said: str
) -> None:
    done = peakctl("convert", *args)
    assert done.code == code
    assert said in done.err


def test_nothing_to_convert_is_said(peakctl: Peakctl, repository: Path) -> None:
    (repository / "empty").mkdir()
    (repository / "empty" / "other.yaml").write_text("a: 1\n")
    done = peakctl("convert", "empty", "--into", "manifests")
    assert done.code == 3
    assert "convert/nothing" in done.err
    assert "convert/left-out" in done.err


def test_from_python(repository: Path) -> None:
    found = convert(["deploy.sh", "bodies"], into=repository / "m")
    assert found.written == tuple(found.files)
    assert found.parameters[0].name == "stage"
    assert convert([repository / "bodies" / "image.yaml"]).written == ()
    with pytest.raises(UsageError):
        convert(["nothing"])


def test_a_file_that_is_no_text_is_named(peakctl: Peakctl, repository: Path) -> None:
    (repository / "bodies" / "image.yaml").write_bytes(b"\xff\xfeb\x00")
    done = peakctl("convert", "bodies")
    assert done.code == 10
    assert "convert/unreadable" in done.err
    assert "bodies/image.yaml:1:1" in done.err
