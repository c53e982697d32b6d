"""`peakctl import`: what is taken and what is not, where it goes, and what stands in the way."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from peakctl import ImportOptions, ManifestsInvalid, Project, UsageError, import_
from peakctl.emulator.admin import seed

PROJECT = "project: p\nenvironments: {local: {emulator: true}}\ndefaultEnvironment: local\n"
UNKNOWN = ("--unset-env", "unknown")


def zipped(files: dict[str, bytes], mode: int = 0o100644) -> str:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, data)
    return base64.b64encode(out.getvalue()).decode()


def artifact(name: str, files: dict[str, bytes], mode: int = 0o100644, **body: Any) -> Any:
    return {
        "kind": "artifact",
        "body": {"name": name, **body},
        "artifact": zipped(files, mode),
    }


def image(name: str, description: str = "") -> Any:
    body = {"name": name, "type": "workflow", "version": "0.0.1", "description": description}
    return {"kind": "image", "body": body, "artifact": zipped({"Dockerfile": b"FROM python\n"})}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "peakctl.yaml").write_text(PROJECT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def tenant(project: Path, make_emulator: Any, peakctl: Any) -> Any:
    """Commands on an emulator with these resources."""

    def make(*resources: Any, **options: Any) -> Any:
        emulator = make_emulator(**options)
        asyncio.run(seed(emulator, list(resources)))
        emulator.requests.clear()

        def run(*args: str) -> Any:
            return peakctl(*args, emulator=emulator)

        run.emulator = emulator  # type: ignore[attr-defined]
        return run

    return make


def plans_empty(run: Any) -> None:
    plan = run("plan", *UNKNOWN)
    assert "No changes." in plan.out, plan.out + plan.err


def left(run: Any) -> dict[str, str]:
    return {each["key"]: each["why"] for each in json.loads(run.out)["left"]}


# --- what is named -------------------------------------------------------------------------------


def test_nothing_named_is_wrong_usage(tenant: Any) -> None:
    done = tenant()("import")
    assert (done.code, "import/nothing-named" in done.err) == (64, True)


def test_an_unknown_kind_is_told_with_the_nearest(tenant: Any) -> None:
    done = tenant()("import", "Servise")
    assert (done.code, "did you mean: Service" in done.err) == (64, True)


def test_names_that_nobody_has_are_told_all_at_once(tenant: Any, project: Path) -> None:
    done = tenant(image("forecast"))("import", "Image/forecats", "Service/x")
    assert done.code == 1
    assert "did you mean: forecast" in done.err
    assert 'there is no Service named "x"' in done.err
    assert not (project / "manifests").exists()


@pytest.mark.parametrize(
    "words", [("images/fore*",), ("--select", "Image/forecast"), ("Image/forecast,Image/fore*",)]
)
def test_names_and_patterns_select(words: tuple[str, ...], tenant: Any, project: Path) -> None:
    run = tenant(image("forecast"), image("other"))
    done = run("import", *words, "-o", "json")
    assert json.loads(done.out)["imported"] == ["Image/forecast"]
    assert (project / "manifests" / "images" / "forecast.yaml").is_file()
    plans_empty(run)


def test_what_is_declared_is_left_alone(tenant: Any, project: Path) -> None:
    run = tenant(image("one"), image("two"))
    assert run("import", "Image/one").code == 0
    path = project / "manifests" / "images" / "one.yaml"
    path.write_text(path.read_text() + "# by hand\n")
    done = run("import", "--all", "-o", "json")
    assert json.loads(done.out)["imported"] == ["Image/two"]
    assert left(done)["Image/one"] == "declared already in manifests/images/one.yaml"
    assert path.read_text().endswith("# by hand\n")


def test_former_names_are_declared_too(tenant: Any, project: Path) -> None:
    (project / "manifests").mkdir()
    text = "apiVersion: peakctl/v1\nkind: Image\nmetadata: {name: new, previousNames: [old]}\n"
    (project / "manifests" / "a.yaml").write_text(f"{text}spec: {{type: workflow}}\n")
    done = tenant(image("old"))("import", "Image", "-o", "json")
    assert "declared" in left(done)["Image/old"]


def test_manifests_that_cannot_be_read_stop_it(tenant: Any, project: Path) -> None:
    (project / "manifests").mkdir()
    (project / "manifests" / "a.yaml").write_text("kind: [\n")
    done = tenant(image("one"))("import", "--all")
    assert (done.code, "manifest/syntax" in done.err) == (10, True)
    assert [p.name for p in (project / "manifests").iterdir()] == ["a.yaml"]


def test_twins_are_refused_by_name_until_one_is_picked(tenant: Any, project: Path) -> None:
    run = tenant(artifact("twin", {"a": b"1"}), artifact("twin", {"a": b"2"}), image("one"))
    done = run("import", "--all", "-o", "json")
    told = json.loads(done.out)
    assert (done.code, told["imported"]) == (0, ["Image/one"])
    (first, second) = [each for each in told["left"] if each["key"] == "Artifact/twin"]
    assert "2 have this name" in first["why"]
    assert first["id"] in second["why"]
    picked = run("import", "Artifact/twin", "--pick", second["id"], "-o", "json")
    assert json.loads(picked.out)["imported"] == ["Artifact/twin"]
    assert [e["id"] for e in json.loads(picked.out)["left"]] == [first["id"]]
    assert "live/ambiguous" in picked.out
    assert "import/not-planned" in picked.out


# --- where it goes -------------------------------------------------------------------------------


def test_names_become_files_that_every_system_takes(tenant: Any, project: Path) -> None:
    names = ["a b", "A B", "../up", "con", "ünï", "日本", "x" * 200, "a/b", "-", "a  b"]
    run = tenant(*(artifact(name, {"a": name.encode()}) for name in names))
    done = run("import", "Artifact", "-o", "json")
    told = json.loads(done.out)
    assert sorted(told["imported"]) == sorted(f"Artifact/{name}" for name in names)
    files = [*told["written"]]
    assert len({name.casefold() for name in files}) == len(files)
    assert all(name.isascii() and len(name) < 120 for name in told["manifests"])
    assert all((project / name).is_file() for name in files)
    plans_empty(run)


def test_nothing_that_is_there_is_overwritten(tenant: Any, project: Path) -> None:
    for name in ("manifests/artifacts/data.yaml", "src/data/other.txt"):
        (project / name).parent.mkdir(parents=True)
        (project / name).write_text("# mine\n")
    run = tenant(artifact("data", {"a": b"1"}))
    done = run("import", "--all", "-o", "json")
    assert json.loads(done.out)["written"] == ["manifests/artifacts/data-2.yaml", "src/data-2/a"]
    assert (project / "src" / "data" / "other.txt").read_text() == "# mine\n"


def test_a_folder_that_holds_just_these_files_is_used_again(tenant: Any, project: Path) -> None:
    run = tenant(artifact("data", {"d/a": b"1"}))
    assert run("import", "--all").code == 0
    (project / "manifests" / "artifacts" / "data.yaml").unlink()
    told = json.loads(run("import", "--all", "-o", "json").out)
    assert told["written"] == ["manifests/artifacts/data.yaml"]
    assert told["same"] == ["src/data/d/a"]
    plans_empty(run)


def test_a_link_in_the_way_is_not_followed(tenant: Any, project: Path, tmp_path: Path) -> None:
    outside = tmp_path.parent / "outside"
    outside.mkdir(exist_ok=True)
    (project / "src").symlink_to(outside)
    done = tenant(artifact("data", {"a": b"1"}))("import", "--all")
    assert (done.code, "files/exists" in done.err) == (64, True)
    assert list(outside.iterdir()) == []
    assert not (project / "manifests").exists()


@pytest.mark.parametrize(
    ("into", "file"),
    [
        ("manifests", "manifests/images/one.yaml"),
        (".", "manifests/images/one.yaml"),
        ("more/here", "more/here/images/one.yaml"),
    ],
)
def test_manifests_go_into_the_folder_named(
    into: str, file: str, tenant: Any, project: Path
) -> None:
    run = tenant(image("one"), artifact("data", {"a.yaml": b"1"}))
    assert run("import", "--all", "--into", into).code == 0
    assert (project / file).is_file()
    assert (project / "src" / "data" / "a.yaml").is_file()


def test_a_folder_outside_of_the_project_is_refused(tenant: Any) -> None:
    done = tenant(image("one"))("import", "--all", "--into", "../elsewhere")
    assert (done.code, "import/outside-project" in done.err) == (64, True)


def test_without_a_project_the_folder_is_the_root(
    project: Path, tmp_path: Path, make_emulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from peakctl.emulator import emulator_transport

    (project / "peakctl.yaml").unlink()
    emulator = make_emulator()
    asyncio.run(seed(emulator, [artifact("data", {"a": b"1"}), image("one")]))
    monkeypatch.setattr(
        "peakctl.api.client.socket_transport", lambda *_: emulator_transport(emulator)
    )
    target = tmp_path.parent / f"{tmp_path.name}-target"
    opened = Project.open(variables={"PEAK_AUTH_TOKEN": "any", "STAGE": "dev"})
    done = import_(opened, ImportOptions(everything=True, into=str(target)))
    assert [str(key) for key in done.imported] == ["Artifact/data", "Image/one"]
    assert (target / "manifests" / "images" / "one.yaml").is_file()
    assert done.planned is not None
    assert not done.planned.has_changes


def test_an_editor_finds_the_schemas_of_the_project(tenant: Any, project: Path) -> None:
    (project / ".schemas").mkdir()
    (project / ".schemas" / "image.json").write_text("{}")
    tenant(image("one"))("import", "--all")
    text = (project / "manifests" / "images" / "one.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=../../.schemas/image.json\n")


# --- what stands in them -------------------------------------------------------------------------


def test_long_texts_are_files_and_templates_in_texts_stay_texts(tenant: Any, project: Path) -> None:
    long = "# Title\n\n" + "A row with {{ braces }} {% raw %}.\n" * 20
    run = tenant(
        artifact("long", {"a": b"1"}, description=long),
        artifact("short", {"a": b"1"}, description="{{ os_env.PATH }} {# no comment #}"),
        artifact("returns", {"a": b"1"}, description="a\r\n" * 20),
    )
    assert run("import", "--all").code == 0
    folder = project / "manifests" / "artifacts"
    assert (folder / "long.md").read_text() == long
    assert "descriptionFile: long.md" in (folder / "long.yaml").read_text()
    assert not (folder / "returns.md").exists()
    plans_empty(run)


def test_a_reference_without_a_version_keeps_its_id(tenant: Any, project: Path) -> None:
    loose = json.loads(json.dumps(WORKFLOW))
    del loose["body"]["steps"]["one"]["imageVersionId"]
    run = tenant({**image("img"), "as": "image"}, loose)
    assert run("import", "Workflow").code == 0
    text = (project / "manifests" / "workflows" / "flow.yaml").read_text()
    assert "# the version of this Image is open, and a name would give it one" in text
    assert "name: img" not in text
    plans_empty(run)


def test_what_others_need_stays_though_it_says_nothing(tenant: Any, project: Path) -> None:
    conditions = [{"dependsOn": "other", "operator": "equals", "value": ""}]
    parameter = {"name": "p", "type": "string", "required": False, "conditions": conditions}
    other = {"name": "other", "type": "string", "required": False}
    spec = {
        "version": 1,
        "kind": "workflow",
        "metadata": {"name": "b", "summary": "s"},
        "release": {"version": "1.0.0"},
        "config": {"steps": {"one": {"image": {}, "command": "ls"}}},
    }
    block = {
        "kind": "block-spec",
        "body": {"spec": spec, "parameters": {"run": [parameter, other]}},
        "artifact": zipped({"Dockerfile": b"FROM python\n"}),
    }
    run = tenant(block)
    done = run("import", "BlockSpec", "-o", "json")
    assert json.loads(done.out)["imported"] == ["BlockSpec/b"], done.out
    text = (project / "manifests" / "block-specs" / "b.yaml").read_text()
    assert "value: ''" in text or 'value: ""' in text
    assert "image: {}" in text
    plans_empty(run)


def test_a_made_image_is_told_to_count_as_it_is(tenant: Any, project: Path, peakctl: Any) -> None:
    run = tenant(image("one"))
    assert run("import", "--all").code == 0
    text = (project / "manifests" / "images" / "one.yaml").read_text()
    assert "# spec.artifact: the platform does not give its files back; what is live counts" in text
    assert "ignoreChanges:\n    - spec.artifact" in text
    plans_empty(run)


def test_creating_such_an_image_elsewhere_is_an_error(
    tenant: Any, project: Path, make_emulator: Any, peakctl: Any
) -> None:
    assert tenant(image("one"))("import", "--all").code == 0
    elsewhere = peakctl("apply", "--yes", emulator=make_emulator())
    assert (elsewhere.code, "plan/no-artifact" in elsewhere.err) == (10, True)


def test_files_keep_their_bits_and_ignore_files_hide_none_of_them(
    tenant: Any, project: Path
) -> None:
    files = {".dockerignore": b"*.txt\n", "run.sh": b"#!/bin/sh\n", "notes.txt": b"x"}
    run = tenant(artifact("data", files, mode=0o100755))
    assert run("import", "--all").code == 0
    text = (project / "manifests" / "artifacts" / "data.yaml").read_text()
    assert "ignore_files:\n      - .keep-all" in text
    assert (project / "src" / "data" / "run.sh").stat().st_mode & 0o100
    plans_empty(run)


@pytest.mark.parametrize(
    "files",
    [{"../../evil": b"x"}, {".git/hooks/pre-commit": b"x"}, {"a": b"x", "A": b"y"}, {}],
    ids=["outside", "git", "clash", "empty"],
)
def test_a_hostile_archive_is_left_there(
    files: dict[str, bytes], tenant: Any, project: Path
) -> None:
    run = tenant(artifact("data", files or {"a/": b""}), image("one"))
    done = run("import", "--all")
    assert done.code == 0, done.err
    assert "artifact/unsafe-archive" in done.err
    assert not (project / "src").exists()
    assert "ignoreChanges" in (project / "manifests" / "artifacts" / "data.yaml").read_text()
    plans_empty(run)


def test_files_with_credentials_are_listed_and_ignored_by_git(tenant: Any, project: Path) -> None:
    (project / ".gitignore").write_text("*.pyc")
    run = tenant(artifact("data", {".env": b"A=1", "a b/id_rsa": b"x", "code.py": b""}))
    done = run("import", "--all")
    assert "src/data/.env" in done.out
    expected = "*.pyc\n/src/data/.env\n/src/data/a\\ b/id_rsa\n"
    assert (project / ".gitignore").read_text() == expected
    assert "~ .gitignore" in done.out
    plans_empty(run)


# --- what was written before -------------------------------------------------------------------

WORKFLOW = {
    "kind": "workflow",
    "as": "flow",
    "body": {
        "name": "flow",
        "triggers": [{"cron": "0 2 * * *"}],
        "watchers": [
            {"webhook": {"name": "a", "url": "https://hook.example/1", "payload": "{}"},
             "events": {"success": True}},
        ],
        "steps": {
            "one": {"imageId": "${image.imageId}", "imageVersionId": "${image.versionId}",
                    "command": "ls", "resources": {"instanceTypeId": 21, "storage": "10GB"}},
        },
    },
}  # fmt: skip


def edited(run: Any, name: str, **changes: Any) -> None:
    """Change a workflow as somebody would in the console."""
    row = run.emulator.store._db.execute(
        "SELECT body FROM items WHERE kind = 'workflow' AND name = ?", [name]
    ).fetchone()
    body = {**json.loads(row[0]), **changes}
    run.emulator.store._db.execute(
        "UPDATE items SET body = ? WHERE kind = 'workflow' AND name = ?", [json.dumps(body), name]
    )


@pytest.fixture
def flow(tenant: Any, project: Path) -> Any:
    """A tenant with a workflow that was imported, and then changed by hand on both sides."""
    run = tenant({**image("img"), "as": "image"}, WORKFLOW, provided_images=True)
    assert run("import", "--all").code == 0
    path = project / "manifests" / "workflows" / "flow.yaml"
    path.write_text(path.read_text().replace("spec:\n", "# by hand\nspec:\n", 1))
    return run


def test_what_differs_is_written_back_where_an_import_wrote(flow: Any, project: Path) -> None:
    path = project / "manifests" / "workflows" / "flow.yaml"
    before = path.read_text()
    edited(flow, "flow", triggers=[{"cron": "30 4 * * *"}], tags=[{"name": "new"}])
    assert "No changes." not in flow("plan", *UNKNOWN).out
    left_alone = flow("import", "--all", "-o", "json")
    assert json.loads(left_alone.out)["updated"] == []
    assert path.read_text() == before
    done = flow("import", "--all", "--update", "-o", "json")
    told = json.loads(done.out)
    assert (told["updated"], told["imported"]) == (["Workflow/flow"], []), done.err
    assert told["changed"] == ["manifests/workflows/flow.yaml"]
    text = path.read_text()
    assert "# by hand" in text
    assert "cron: 30 4 * * *" in text
    assert "os_env.FLOW_WEBHOOK_URL }}" in text
    assert before.splitlines()[0] == text.splitlines()[0]
    plans_empty(flow)
    again = json.loads(flow("import", "--all", "--update", "-o", "json").out)
    assert (again["updated"], again["changed"]) == ([], [])


def test_a_list_with_a_variable_keeps_its_name(flow: Any, project: Path) -> None:
    watchers = [
        {"webhook": {"name": "a", "url": "https://hook.example/1", "payload": "{}"},
         "events": {"success": True, "fail": True}},
    ]  # fmt: skip
    edited(flow, "flow", watchers=watchers)
    done = flow("import", "--all", "--update")
    assert "updated 1" in done.out, done.out + done.err
    text = (project / "manifests" / "workflows" / "flow.yaml").read_text()
    assert text.count("os_env.") == text.count("os_env.FLOW_WEBHOOK_URL }}") == 1
    plans_empty(flow)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("# Imported by peakctl", "# Written by hand", "no import wrote it"),
        ("spec:\n", "{% if true %}\nspec:\n{% endif %}\n", "no YAML before its templates ran"),
    ],
)
def test_what_people_wrote_stays(old: str, new: str, why: str, flow: Any, project: Path) -> None:
    path = project / "manifests" / "workflows" / "flow.yaml"
    path.write_text(path.read_text().replace(old, new, 1))
    before = path.read_text()
    edited(flow, "flow", tags=[{"name": "new"}])
    done = flow("import", "--all", "--update", "-o", "json")
    assert why in left(done)["Workflow/flow"], done.out + done.err
    assert path.read_text() == before


def test_what_is_gone_is_taken_out(flow: Any, project: Path) -> None:
    edited(flow, "flow", triggers=[], watchers=[])
    assert "updated 1" in flow("import", "--all", "--update").out
    text = (project / "manifests" / "workflows" / "flow.yaml").read_text()
    assert "triggers" not in text
    assert "watchers" not in text
    assert ".env.example" in [p.name for p in project.iterdir()]
    plans_empty(flow)


def test_files_and_texts_in_files_stay(tenant: Any, project: Path) -> None:
    resources = [
        artifact("data", {"a": b"1"}),
        artifact("long", {"a": b"1"}, description="row\n" * 30),
        artifact("made", {"a": b"1"}, description="text"),
    ]
    run = tenant(*resources)
    assert run("import", "--all").code == 0
    (project / "src" / "data" / "a").write_text("2")
    (project / "manifests" / "artifacts" / "long.md").write_text("other\n")
    path = project / "manifests" / "artifacts" / "made.yaml"
    text = path.read_text().replace("description: text", "description: \"{{ 'o' ~ 'ther' }}\"")
    path.write_text(text)
    done = run("import", "--all", "--update", "-o", "json")
    why = left(done)
    assert "its files differ from those that are live" in why["Artifact/data"]
    assert "metadata.description is in a file of its own" in why["Artifact/long"]
    assert "metadata.description is made by a template" in why["Artifact/made"]
    assert json.loads(done.out)["changed"] == []


def test_a_text_with_braces_is_written_back(tenant: Any, project: Path) -> None:
    run = tenant(artifact("data", {"a": b"1"}, description="{{ old }}"))
    assert run("import", "--all").code == 0
    run.emulator.store._db.execute(
        "UPDATE items SET body = json_set(body, '$.description', '{{ new }}')"
        " WHERE kind = 'artifact' AND name = 'data'"
    )
    assert "updated 1" in run("import", "--all", "--update").out
    text = (project / "manifests" / "artifacts" / "data.yaml").read_text()
    assert "{% raw %}{{ new }}{% endraw %}" in text
    plans_empty(run)


def test_no_variable_has_the_name_of_a_credential(tenant: Any, project: Path) -> None:
    named = image("github")
    arguments = [{"name": "TOKEN", "value": "secret-1"}, {"name": "token", "value": "secret-2"}]
    named["body"]["buildDetails"] = {"source": "upload", "buildArguments": arguments}
    run = tenant(named)
    told = json.loads(run("import", "--all", "-o", "json").out)
    names = [each["name"] for each in told["variables"]]
    assert names == ["VALUE_GITHUB_TOKEN", "VALUE_GITHUB_TOKEN_2"]
    example = (project / ".env.example").read_text()
    assert "secret-" not in example
    assert [row for row in example.splitlines() if "=" in row] == [f"{name}=" for name in names]
    plans_empty(run)


def test_names_of_variables_are_not_used_twice(tenant: Any, project: Path) -> None:
    def named(name: str) -> Any:
        made = image(name)
        arguments = [{"name": "KEY", "value": f"secret-{name}"}]
        made["body"]["buildDetails"] = {"source": "upload", "buildArguments": arguments}
        return made

    run = tenant(named("a-b"), named("a b"))
    assert run("import", "Image/a-b").code == 0
    told = json.loads(run("import", "--all", "-o", "json").out)
    assert [each["name"] for each in told["variables"]] == ["A_B_KEY_2"]
    assert (project / ".env.example").read_text().count("A_B_KEY=") == 1
    plans_empty(run)


def test_the_same_is_asked_once_by_the_import_and_once_by_its_plan(
    tenant: Any, project: Path
) -> None:
    names = [f"n{number}" for number in range(8)]
    run = tenant(*(artifact(n, {"a": b"1"}) for n in names), *(image(n) for n in names))
    assert run("import", "--all").code == 0
    asked = Counter((r.method, r.path) for r in run.emulator.requests)
    assert {method for method, _ in asked} == {"GET"}
    assert max(asked.values()) <= 3
    assert sum(asked.values()) <= 16 * 2 + 8 + 40


def test_one_of_several_documents_is_updated(tenant: Any, project: Path) -> None:
    run = tenant({**image("img"), "as": "image"}, WORKFLOW)
    assert run("import", "--all", "--layout", "one-file").code == 0
    path = project / "manifests" / "imported.yaml"
    first = path.read_text().split("---\n")[0]
    edited(run, "flow", tags=[{"name": "new"}])
    assert run("import", "--all", "--update").code == 0
    assert path.read_text().split("---\n")[0] == first
    assert "- name: new" in path.read_text()
    plans_empty(run)


# --- from Python ---------------------------------------------------------------------------------


def test_errors_are_raised_in_python(project: Path) -> None:
    opened = Project.open()
    with pytest.raises(UsageError):
        import_(opened, ImportOptions())
    (project / "manifests").mkdir()
    (project / "manifests" / "a.yaml").write_text("a: [")
    with pytest.raises(ManifestsInvalid):
        import_(opened, ImportOptions(everything=True))
