"""From documents to resources: what is filled in, wrapped, collected and refused."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from typing import Any

import pytest

from peakctl.errors import Diagnostic, ManifestsInvalid, Severity
from peakctl.kinds.reading import Packed
from peakctl.kinds.schemas import compile_kind, load_kinds
from peakctl.kinds.validate import read_resources
from peakctl.manifests.parse import parse
from peakctl.manifests.render import Rendered
from peakctl.model import (
    Archive,
    ArtifactFolder,
    Document,
    Key,
    Location,
    Notice,
    Reference,
    Resource,
    Secret,
    Source,
)

Found = tuple[tuple[Resource, ...], tuple[Diagnostic, ...]]
HEADS = {
    "Image": "{name: forecast}",
    "Workflow": "{name: nightly}",
    "Service": "{name: api}",
    "Webapp": "{name: board}",
    "Artifact": "{name: files}",
    "BlockSpec": "{name: block, summary: A block}",
    "AppSpec": "{name: app, summary: An app}",
    "Deployment": "{name: eu}",
}


def documents(text: str, folder: pathlib.Path = pathlib.Path("/project")) -> list[Document]:
    found, problems = parse(Rendered(Source(str(folder / "m.yaml"), "m.yaml", text), text))
    assert not problems
    return list(found)


def manifest(kind: str, spec: str, *, metadata: str = "", more: str = "") -> str:
    head = metadata or HEADS[kind]
    return f"apiVersion: peakctl/v1\nkind: {kind}\nmetadata: {head}\nspec: {spec}\n{more}"


def pack(folders: Sequence[ArtifactFolder], root: pathlib.Path) -> list[Packed]:
    return [packed(each.place, each.ignore) if each.needed else None for each in folders]


def packed(folder: pathlib.Path, ignore: Sequence[str] | None) -> Packed:
    if not folder.is_dir():
        at = Location("elsewhere", 1, 1)
        return ManifestsInvalid(Diagnostic("archive/folder", f"no {folder.name}", locations=(at,)))
    return Archive(f"sha256:{folder.name}:{ignore and [*ignore]}", 1, bytes)


def read(*found: Document, folder: pathlib.Path = pathlib.Path("/project"), **more: Any) -> Found:
    return read_resources(found, load_kinds(), project_root=folder, **{"pack": pack, **more})


def only(text: str, **more: Any) -> Resource:
    (resource,), problems = read(*documents(text, **more), **more)
    assert not problems
    return resource


def codes(found: Found) -> list[str]:
    assert not [r for r in found[0] if any(d.key == r.key for d in found[1])]
    return [d.code.removeprefix("manifest/") for d in found[1]]


def test_a_resource_has_what_the_envelope_says() -> None:
    resource = only(
        manifest(
            "Service",
            "{imageDetails: {imageId: 1, versionId: 2}}",
            metadata="{name: api, title: API, labels: {team: x}, previousNames: [old]}",
            more="dependsOn: [Image/forecast, Workflow/a/b]\n"
            "lifecycle: {protect: true, ignoreChanges: [spec.entrypoint]}\n",
        )
    )
    assert resource.key == Key("Service", "api")
    assert resource.labels == {"team": "x"}
    assert resource.previous_names == ("old",)
    assert resource.depends_on == (Key("Image", "forecast"), Key("Workflow", "a/b"))
    assert resource.protect
    assert resource.ignore_changes == ("spec.entrypoint",)
    assert resource.values == {
        "metadata": {"name": "api", "title": "API"},
        "spec": {"imageDetails": {"imageId": 1, "versionId": 2}},
    }


REFERENCES = {
    "a service's image": (
        manifest("Service", "{imageDetails: {name: a, version: 1.0.0}}"),
        Reference(
            at=("spec", "imageDetails"),
            kinds=("Image",),
            name="a",
            version="1.0.0",
            id_at=("spec", "imageDetails", "imageId"),
            version_at=("spec", "imageDetails", "versionId"),
        ),
    ),
    "a step's image": (
        manifest("Workflow", "{steps: {s: {command: c, imageDetails: {name: a}}}}"),
        Reference(
            at=("spec", "steps", "s", "imageDetails"),
            kinds=("Image",),
            name="a",
            version=None,
            id_at=("spec", "steps", "s", "imageId"),
            version_at=("spec", "steps", "s", "imageVersionId"),
        ),
    ),
    "an app's block": (
        manifest("AppSpec", "{config: [{name: b, release: 2.0.0}]}"),
        Reference(
            at=("spec", "config", 0),
            kinds=("BlockSpec",),
            name="b",
            version="2.0.0",
            id_at=("spec", "config", 0, "id"),
            version_at=("spec", "config", 0, "release", "version"),
        ),
    ),
    "a deployed spec": (
        manifest("Deployment", "{blockSpec: {name: b, release: {version: 2.0.0}}}"),
        Reference(
            at=("spec", "blockSpec"),
            kinds=("BlockSpec",),
            name="b",
            version="2.0.0",
            id_at=("spec", "blockSpec", "id"),
            version_at=("spec", "blockSpec", "release", "version"),
        ),
    ),
    "an instance type": (
        manifest(
            "Service",
            "{imageDetails: {imageId: 1}, serviceType: api, resources: {instanceType: Pico}}",
        ),
        Reference(
            at=("spec", "resources", "instanceType"),
            kinds=("InstanceType",),
            name="Pico",
            version=None,
            id_at=("spec", "resources", "instanceTypeId"),
            version_at=None,
            scope="api-deployment",
        ),
    ),
    "a resource to redeploy": (
        manifest("Image", "{type: api, autodeployResources: [{kind: Service, name: s}]}"),
        Reference(
            at=("spec", "autodeployResources", 0),
            kinds=("Service",),
            name="s",
            version=None,
            id_at=("spec", "autodeployResources", 0, "entityId"),
            version_at=None,
            kind_at=("spec", "autodeployResources", 0, "entityType"),
            edge=False,
        ),
    ),
}


@pytest.mark.parametrize(("text", "reference"), REFERENCES.values(), ids=list(REFERENCES))
def test_a_reference_tells_where_its_ids_go(text: str, reference: Reference) -> None:
    assert only(text).references == (reference,)


@pytest.mark.parametrize(
    ("spec", "scope"),
    [
        ("kind: service, config: {imageDetails: {id: 1}, resources: {instanceType: P}}", "webapp"),
        (
            "kind: service, parameters: {build: [{name: t, type: string, required: true}]}, "
            "config: {serviceType: '@param:t', imageDetails: {id: 1}, "
            "resources: {instanceType: P}}",
            None,
        ),
        (
            "kind: workflow, config: {steps: {s: {command: c, imageDetails: {id: 1}, "
            "resources: {instanceType: P, storage: 1GB}}}}",
            "workflow",
        ),
    ],
    ids=["by default", "by a parameter", "always the same"],
)
def test_an_instance_type_is_looked_up_in_its_scope(spec: str, scope: str | None) -> None:
    assert [r.scope for r in only(manifest("BlockSpec", f"{{{spec}}}")).references] == [scope]


def test_a_reference_by_id_is_none() -> None:
    text = manifest("AppSpec", "{config: [{id: x, release: 1.0.0}]}")
    resource = only(text)
    assert resource.references == ()
    assert resource.values["spec"]["config"] == [{"id": "x", "release": {"version": "1.0.0"}}]


def test_sensitive_values_become_secrets_wherever_they_are() -> None:
    watchers = "[{events: {}, webhook: {name: n, url: https://x/s, payload: p}}]"
    step = "{type: http, url: u, method: get, headers: {absolute: {A: s}, secrets: {B: name}}}"
    values = only(manifest("Workflow", f"{{watchers: {watchers}, steps: {{s: {step}}}}}")).values
    assert values["spec"]["watchers"][0]["webhook"]["url"] == Secret("https://x/s")
    assert values["spec"]["watchers"][0]["webhook"]["payload"] == "p"
    assert values["spec"]["steps"]["s"]["headers"] == {
        "absolute": {"A": Secret("s")},
        "secrets": {"B": "name"},
    }


def test_a_secret_from_the_environment_stays_one() -> None:
    (document,) = documents(manifest("Service", "{imageDetails: {imageId: 1}, entrypoint: x}"))
    document.value["spec"]["entrypoint"] = Secret("hunter2")
    (resource,), problems = read(document)
    assert not problems
    assert resource.values["spec"]["entrypoint"] == Secret("hunter2")
    details = "{buildArguments: [{name: a, value: b}]}"
    (document,) = documents(manifest("Image", f"{{type: api, buildDetails: {details}}}"))
    document.value["spec"]["buildDetails"]["buildArguments"][0]["value"] = Secret("hunter2")
    (resource,), problems = read(document)
    assert not problems
    (argument,) = resource.values["spec"]["buildDetails"]["buildArguments"]
    assert argument == {"name": "a", "value": Secret("hunter2")}


TAINTED = {
    "a name": ("Image", "{type: api}", ("metadata", "name")),
    "a kind": ("Image", "{type: api}", ("kind",)),
    "a version": ("Image", "{type: api, version: 1.0.0}", ("spec", "version")),
    "a release": (
        "AppSpec",
        "{config: [{name: x, release: 1.0.0}]}",
        ("spec", "config", 0, "release"),
    ),
    "a referenced name": (
        "Service",
        "{imageDetails: {name: x}}",
        ("spec", "imageDetails", "name"),
    ),
    "a referenced version": (
        "Service",
        "{imageDetails: {name: x, version: 1.0.0}}",
        ("spec", "imageDetails", "version"),
    ),
    "an instance type": (
        "Service",
        "{imageDetails: {imageId: 1}, resources: {instanceType: x}}",
        ("spec", "resources", "instanceType"),
    ),
    "a dependency": ("Image", "{type: api}", ("dependsOn", 0)),
}


@pytest.mark.parametrize(("kind", "spec", "path"), TAINTED.values(), ids=list(TAINTED))
def test_a_name_a_reference_or_a_version_may_not_be_secret(
    kind: str, spec: str, path: tuple[Any, ...]
) -> None:
    (document,) = documents(manifest(kind, spec, more="dependsOn: [Image/x]\n"))
    holder: Any = document.value
    for part in path[:-1]:
        holder = holder[part]
    holder[path[-1]] = Secret(holder[path[-1]])
    resources, found = read(document)
    assert not resources
    errors = [d for d in found if d.severity is Severity.ERROR]
    assert {d.code for d in errors} == {"manifest/tainted"}
    assert all("-p" in d.fix for d in found)


@pytest.mark.parametrize(
    ("kind", "spec", "path"),
    [
        ("Service", "{imageDetails: {imageId: 1}, entrypoint: x}", ("spec", "minInstances")),
        ("Image", "{type: api}", ("spec", "type")),
        ("Image", "{type: api, buildDetails: {useCache: true}}", ("spec", "buildDetails")),
    ],
)
def test_no_message_shows_a_secret(kind: str, spec: str, path: tuple[str, ...]) -> None:
    (document,) = documents(manifest(kind, spec))
    document.value[path[0]][path[1]] = Secret("hunter2")
    resources, found = read(document)
    assert not resources
    assert found
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    "details",
    [
        "hunter2",
        "{buildArguments: hunter2}",
        "{buildArguments: [hunter2]}",
        "{buildArguments: [{name: a, value: [hunter2]}]}",
        "{source: github, repository: r, branch: b, token: {hunter2: hunter2}}",
    ],
)
def test_no_message_shows_what_was_meant_to_be_sensitive(details: str) -> None:
    resources, found = read(
        *documents(manifest("Image", f"{{type: api, buildDetails: {details}}}"))
    )
    assert not resources
    assert all("hunter2" not in d.summary.replace('field "hunter2"', "") for d in found)


def test_a_sensitive_number_is_not_shown_with_its_advice() -> None:
    details = "{buildArguments: [{name: a, value: true}]}"
    _, (found,) = read(*documents(manifest("Image", f"{{type: api, buildDetails: {details}}}")))
    assert found.fix == "quote it"
    assert "true" not in found.summary


def test_numbers_are_texts_where_texts_are_wanted() -> None:
    text = manifest(
        "Workflow",
        "{retryOptions: {duration: 7}, triggers: [{webhook: true}], steps: {s: {command: c, "
        "imageId: 1, parameters: {env: {A: 1.10, B: 007, C: 12:30, D: on, E: 8080}}}}}",
    )
    spec = only(text).values["spec"]
    env = spec["steps"]["s"]["parameters"]["env"]
    assert env == {"A": "1.10", "B": "007", "C": "12:30", "D": "on", "E": "8080"}
    assert spec["retryOptions"] == {"duration": 7}


def test_a_number_without_its_text_is_complained_of() -> None:
    document = Document(
        {
            "apiVersion": "peakctl/v1",
            "kind": "Image",
            "metadata": {"name": 3},
            "spec": {"type": "api"},
        },
        "m.yaml",
        "/project",
        lambda _: Location("m.yaml", 1, 1),
    )
    (found,) = read(document)[1]
    assert found.fix == 'quote it: "3"'


def test_a_document_that_is_no_map_is_complained_of() -> None:
    document = Document([], "m.yaml", "/", lambda _: Location("m.yaml", 1, 1))  # type: ignore[arg-type]
    assert codes(read(document)) == ["not-a-map"]


def test_what_only_the_decider_refuses_is_told_too() -> None:
    (document,) = documents(manifest("Image", "{type: api}"))
    document.value["metadata"]["name"] = "forecast\n"
    assert codes(read(document)) == ["name-character", "not-accepted"]
    document.value["metadata"]["name"] = "\udc80"
    assert codes(read(document)) == ["name-character", "not-accepted"]


def test_texts_come_from_files(tmp_path: pathlib.Path) -> None:
    (tmp_path / "notes.txt").write_text("Faster\n", "utf-8")
    (tmp_path / "README.md").write_text("# Block\n", "utf-8")
    resource = only(
        manifest(
            "AppSpec",
            "{release: {notesFile: notes.txt}, config: [{name: x}]}",
            metadata="{name: app, summary: s, descriptionFile: README.md}",
        ),
        folder=tmp_path,
    )
    assert resource.values["metadata"]["description"] == "# Block\n"
    assert "descriptionFile" not in resource.values["metadata"]
    assert resource.values["spec"]["release"] == {"notes": "Faster\n"}


@pytest.mark.parametrize(
    ("extra", "code"),
    [
        ("descriptionFile: none.md", "file-missing"),
        ("descriptionFile: picture.png", "file-type"),
        ("descriptionFile: latin.md", "file-type"),
        ("descriptionFile: ../outside.md", "outside-project"),
        ("descriptionFile: 'a\\0.md'", "file-missing"),
        ("descriptionFile: none.md, description: x", "exactly-one"),
    ],
)
def test_a_file_that_cannot_be_read_is_complained_of_at_its_field(
    tmp_path: pathlib.Path, extra: str, code: str
) -> None:
    (tmp_path / "latin.md").write_bytes(b"\xe9")
    text = manifest(
        "Image", "{type: api}", metadata=f"{{name: x, {extra}}}".replace("'a\\0", '"a\\0')
    )
    found = read(*documents(text.replace(".md'", '.md"'), tmp_path), folder=tmp_path)
    assert codes(found) == [code]
    assert found[1][0].path == ("metadata", "descriptionFile")


def test_an_artifact_is_known_by_its_digest(tmp_path: pathlib.Path) -> None:
    (tmp_path / "src").mkdir()
    resource = only(manifest("Artifact", "{artifact: {path: src}}"), folder=tmp_path)
    assert resource.values["spec"]["artifact"] == {"digest": "sha256:src:None"}
    assert resource.archives[("spec", "artifact")].digest == "sha256:src:None"
    text = manifest("Artifact", "{artifact: {path: src, ignore_files: [.i]}}")
    resource = only(text, folder=tmp_path)
    assert resource.archives[("spec", "artifact")].digest == "sha256:src:['.i']"


@pytest.mark.parametrize(
    ("path", "code"), [("none", "archive/folder"), ("..", "manifest/outside-project")]
)
def test_a_folder_that_cannot_be_packed_is_complained_of_at_its_field(
    tmp_path: pathlib.Path, path: str, code: str
) -> None:
    text = manifest("Artifact", f"{{artifact: {{path: {path}}}}}")
    resources, (found,) = read(*documents(text, tmp_path), folder=tmp_path)
    assert not resources
    assert found.code == code
    assert found.key == Key("Artifact", "files")
    assert found.path == ("spec", "artifact", "path")
    assert found.locations[0].file == "m.yaml"


def holding(*names: str, notices: tuple[Notice, ...] = ()) -> Any:
    """A packer of a folder that holds the files `names`."""
    return lambda *_: [Archive("sha256:0", 1, bytes, frozenset(names), notices)]


def test_what_is_odd_about_files_is_a_warning_at_the_field(tmp_path: pathlib.Path) -> None:
    odd = Notice("artifact/empty", "the folder has no file", "why", "do this")
    text = manifest("Artifact", "{artifact: {path: .}}")
    found, (told,) = read(*documents(text, tmp_path), folder=tmp_path, pack=holding(notices=(odd,)))
    assert len(found) == 1
    assert (told.code, told.severity) == ("artifact/empty", Severity.WARNING)
    assert (told.summary, told.detail, told.fix) == ("the folder has no file", "why", "do this")
    assert told.path == ("spec", "artifact", "path")
    assert told.locations == (Location("m.yaml", 4, 19),)


UPLOAD = "{type: api, artifact: {path: .}"


@pytest.mark.parametrize(
    ("details", "files", "place"),
    [
        ("", ["Dockerfile"], None),
        ("", ["docker/Dockerfile"], "artifact"),
        (", buildDetails: {source: upload}", ["x"], "artifact"),
        (", buildDetails: {context: docker}", ["docker/Dockerfile"], None),
        (
            ", buildDetails: {dockerfilePath: docker/api.Dockerfile}",
            ["docker/api.Dockerfile"],
            None,
        ),
        (", buildDetails: {dockerfilePath: ./docker//D}", ["docker/D"], None),
        (", buildDetails: {dockerfilePath: D, context: docker}", ["docker/D"], None),
        (", buildDetails: {dockerfilePath: D, context: docker}", ["other/D"], "dockerfilePath"),
        (", buildDetails: {dockerfilePath: nope}", ["Dockerfile"], "dockerfilePath"),
    ],
)
def test_the_dockerfile_of_an_image_is_among_its_files(
    tmp_path: pathlib.Path, details: str, files: list[str], place: str | None
) -> None:
    text = manifest("Image", UPLOAD + details + "}")
    _, problems = read(*documents(text, tmp_path), folder=tmp_path, pack=holding(*files))
    assert [d.code for d in problems] == (["manifest/dockerfile-missing"] if place else [])
    assert [d.path[-1] for d in problems] == ([place] if place else [])


@pytest.mark.parametrize(
    "spec",
    [
        "{kind: service, config: {serviceType: api, image: IMAGE}, artifact: {path: .}}",
        "{kind: workflow, config: {images: {i: IMAGE}}, artifact: {path: .}}",
        "{kind: workflow, config: {steps: {s: {image: IMAGE, command: x}}}, artifact: {path: .}}",
    ],
    ids=["service", "images", "step"],
)
def test_the_dockerfiles_of_a_block_are_among_its_files(tmp_path: pathlib.Path, spec: str) -> None:
    def problems(image: str) -> list[str]:
        text = manifest("BlockSpec", spec.replace("IMAGE", image))
        _, found = read(*documents(text, tmp_path), folder=tmp_path, pack=holding("d/D"))
        return [d.code for d in found]

    assert problems("{version: 0.0.1, dockerfile: d/D, context: .}") == []
    assert problems("{version: 0.0.1, dockerfile: D, context: d}") == []
    assert problems("{version: 0.0.1, context: d}") == []
    assert problems("{version: 0.0.1, dockerfile: D}") == ["manifest/dockerfile-missing"]


def test_no_dockerfile_is_looked_for_where_nothing_is_uploaded(tmp_path: pathlib.Path) -> None:
    details = ", buildDetails: {source: dockerfile, dockerfile: FROM python}}"
    text = manifest("Image", UPLOAD + details)
    _, problems = read(*documents(text, tmp_path), folder=tmp_path, pack=holding("x"))
    assert [d.code for d in problems] == ["manifest/not-here"]


def test_a_secret_name_of_a_dockerfile_is_not_looked_for(tmp_path: pathlib.Path) -> None:
    (document,) = documents(manifest("Image", UPLOAD + ", buildDetails: {context: c}}"), tmp_path)
    document.value["spec"]["buildDetails"]["context"] = Secret("hunter2")  # type: ignore[index,call-overload]
    _, problems = read(document, folder=tmp_path, pack=holding("x"))
    assert "hunter2" not in repr(problems)


def test_an_artifact_needs_a_packer() -> None:
    text = manifest("Artifact", "{artifact: {path: .}}")
    with pytest.raises(TypeError, match="pack"):
        read(*documents(text), pack=None)


def test_names_are_unique_in_a_kind_and_in_a_group_of_kinds() -> None:
    image = manifest("Image", "{type: api}")
    _, (found,) = read(*documents(f"{image}---\n{image}"))
    assert found.code == "manifest/duplicate-name"
    assert [place.line for place in found.locations] == [3, 8]
    service = manifest("Service", "{imageDetails: {imageId: 1}}", metadata="{name: x}")
    webapp = service.replace("Service", "Webapp")
    _, (warning, found) = read(*documents(f"{service}---\n{webapp}"))
    assert warning.severity is Severity.WARNING
    assert "Service/x and Webapp/x" in found.detail
    assert not read(*documents(f"{service}---\n{image}"))[1]


def test_older_words_and_kinds_work_and_warn() -> None:
    block = manifest("BlockSpec", "{kind: webapp, config: {imageDetails: {id: 1}}}")
    (resource,), (warning,) = read(*documents(block))
    assert resource.values["spec"]["kind"] == "service"
    assert (warning.code, warning.severity) == ("manifest/alias", Severity.WARNING)
    (_,), (warning,) = read(*documents(manifest("Webapp", "{imageDetails: {imageId: 1}}")))
    assert (warning.code, warning.severity) == ("manifest/deprecated", Severity.WARNING)


@pytest.mark.parametrize(
    "spec",
    [
        "{serviceType: api, sessionStickiness: false, imageDetails: {imageId: 1}}",
        "{scaleToZero: true, imageDetails: {imageId: 1}}",
        "{entrypoint: null, imageDetails: {imageId: 1}}",
    ],
)
def test_defaults_and_nothing_have_a_place_everywhere(spec: str) -> None:
    assert only(manifest("Service", spec))


VALID = {
    "a parameter in place of any scalar": (
        "BlockSpec",
        "{kind: workflow, parameters: {build: [{name: p, type: string, required: true}]}, config: "
        "{triggers: [{cron: '@param:p'}], steps: {a: {command: '@param:p', stepTimeout: '@param:p',"
        " parents: ['@param:p'], imageDetails: {id: '@param:p'}, parameters: {env: {A: '@param:p'},"
        " secrets: [s]}}}, watchers: [{user: '@param:p', events: {fail: '@param:p'}}]}}",
    ),
    "a fixed release with pinned references": (
        "AppSpec",
        "{release: {version: 1.0.0}, config: [{name: x, release: 1.2.0}]}",
    ),
    "a shared block of its own image": (
        "BlockSpec",
        "{kind: service, scope: shared, tenants: [t], artifact: {path: .}, config: {image: {}}}",
    ),
    "values for an app with a block called build": (
        "Deployment",
        "{appSpec: {name: a}, parameters: {build: {run: {a: 1}}, b: {build: {c: [1]}}}}",
    ),
    "values for a block": (
        "Deployment",
        "{blockSpec: {name: a}, parameters: {build: {x: {y: 1}}, run: {a: true}}}",
    ),
    "options and defaults of the parameter's type": (
        "AppSpec",
        "{config: [{name: x}], parameters: {run: [{name: a, type: number, required: false, "
        "defaultValue: 1, options: [{title: One, value: 1}]}, {name: b, type: string_array, "
        "required: true, defaultValue: [x], options: [{title: X, value: x}]}, {name: c, type: "
        "string, required: true, hideValue: true}, {name: d, type: boolean, required: true, "
        "defaultValue: true}, {name: e, type: object, required: true, defaultValue: {a: 1}, "
        "properties: [{name: a, type: number}]}]}}",
    ),
    "conditions on earlier steps": (
        "Workflow",
        "{steps: {a: {command: c, imageId: 1}, b: {command: c, imageId: 1, parents: [a], "
        "executionParameters: {conditional: [{condition: equals, paramName: p, stepName: a, "
        "value: v}], parentStatus: [{condition: all-of, parents: [a], status: [success]}]}}}}",
    ),
    "an image built by the block": (
        "BlockSpec",
        "{kind: workflow, artifact: {path: .}, config: {images: {i: {}}, steps: {a: {command: c, "
        "imageRef: i}}}}",
    ),
    "an image built for a step": (
        "BlockSpec",
        "{kind: workflow, artifact: {path: .}, parameters: {build: [{name: v, type: string, "
        "required: true}]}, config: {triggers: [{cron: 0 2 * * *}], steps: {a: {command: c, image: "
        "{version: '@param:v'}}}}}",
    ),
    "steps that meet again": (
        "Workflow",
        "{steps: {a: {command: c, imageId: 1}, b: {command: c, imageId: 1, parents: [a]}, c: "
        "{command: c, imageId: 1, parents: [a]}, d: {command: c, imageId: 1, parents: [b, c]}}}",
    ),
    "a payload with post": (
        "Workflow",
        "{steps: {a: {type: http, url: u, method: post, payload: x, auth: {type: no-auth}}}}",
    ),
}


@pytest.mark.parametrize(("kind", "spec"), VALID.values(), ids=list(VALID))
def test_this_is_valid(tmp_path: pathlib.Path, kind: str, spec: str) -> None:
    assert only(manifest(kind, spec), folder=tmp_path)


def test_every_ring_of_steps_is_told_once() -> None:
    steps = {"a": "c", "b": "a", "c": "b", "d": "a", "e": "e", "f": "g"}
    text = ", ".join(f"{s}: {{command: x, imageId: 1, parents: [{p}]}}" for s, p in steps.items())
    text += ", g: {command: x, imageId: 1}"
    _, found = read(*documents(manifest("Workflow", f"{{steps: {{{text}}}}}")))
    assert [d.summary.rpartition(": ")[2] for d in found] == ["a -> c -> b -> a", "e -> e"]


def test_a_tainted_parent_is_left_to_the_platform() -> None:
    (document,) = documents(
        manifest("Workflow", "{steps: {a: {command: x, imageId: 1, parents: [b]}}}")
    )
    document.value["spec"]["steps"]["a"]["parents"] = [Secret("b")]
    assert read(document)[0]


def test_a_near_parameter_is_offered() -> None:
    spec = (
        "{kind: service, parameters: {build: [{name: health, type: string, required: true}]}, "
        "config: {healthCheckURL: '@param:heath', imageDetails: {id: 1}}}"
    )
    _, (found,) = read(*documents(manifest("BlockSpec", spec)))
    assert found.fix == "did you mean: health"


def test_a_secret_default_suits_every_parameter() -> None:
    spec = (
        "{config: [{name: x}], parameters: {run: [{name: a, type: number, required: true, "
        "defaultValue: 1}]}}"
    )
    (document,) = documents(manifest("AppSpec", spec))
    document.value["spec"]["parameters"]["run"][0]["defaultValue"] = Secret("1")
    assert read(document)[0]


def thing(**spec: Any) -> Any:
    """A kind with what none of the platform's kinds has."""
    node = {"description": "A map.", "type": "object", "additionalProperties": False}
    return compile_kind(
        {
            "required": ["metadata", "spec"],
            "additionalProperties": False,
            "properties": {
                "apiVersion": {"const": "peakctl/v1"},
                "kind": {"const": "Thing"},
                "metadata": {
                    **node,
                    "properties": {"name": {"type": "string", "description": "N."}},
                    "required": ["name"],
                },
                "spec": {**node, "properties": spec},
            },
            "$defs": {"param": {"type": "string", "pattern": "^@param:"}},
        }
    )


def read_thing(kind: Any, spec: str) -> Found:
    text = manifest("Thing", spec, metadata="{name: x}")
    return read_resources(
        documents(text), {"Thing": kind}, project_root=pathlib.Path("/project"), pack=pack
    )


def test_what_the_platform_sets_is_refused_in_a_manifest() -> None:
    kind = thing(id={"description": "Id.", "type": "string", "readOnly": True})
    assert codes(read_thing(kind, "{id: x}")) == ["read-only"]
    assert read_thing(kind, "{}")[0]


def test_a_list_of_sensitive_values_is_secret_item_by_item() -> None:
    words = {"writeOnly": True, "x-peakctl-sensitive": True}
    kind = thing(keys={"description": "K.", "type": "array", "items": {"type": "string"}, **words})
    (resource,), _ = read_thing(kind, "{keys: [a, b]}")
    assert resource.values["spec"]["keys"] == [Secret("a"), Secret("b")]


@pytest.mark.parametrize("value", ["[a, {b: c}]", "{a: b}"])
def test_a_sensitive_value_of_any_shape_is_secret(value: str) -> None:
    words = {"writeOnly": True, "x-peakctl-sensitive": True}
    kind = thing(any={"description": "A.", "type": ["array", "object"], **words})
    (resource,), _ = read_thing(kind, f"{{any: {value}}}")
    assert "b" not in repr(resource.values["spec"]["any"]).replace("'a'", "")


@pytest.mark.parametrize(
    ("limits", "value", "fix"),
    [
        ({"minimum": 3}, "1", "give a number of at least 3"),
        ({"maximum": 3}, "4", "give a number of at most 3"),
    ],
)
def test_a_limit_is_told(limits: Any, value: str, fix: str) -> None:
    kind = thing(n={"description": "N.", "type": "integer", "default": 3, **limits})
    _, (found,) = read_thing(kind, f"{{n: {value}}}")
    assert found.fix == fix


def test_an_unforeseen_keyword_is_told_in_general_words() -> None:
    kind = thing(n={"description": "N.", "type": "string", "maxLength": 3, "default": ""})
    assert codes(read_thing(kind, "{n: abcd}")) == ["not-accepted"]


def test_a_condition_on_what_may_not_be_there_is_let_be() -> None:
    inner = {"description": "M.", "type": "object", "properties": {}, "additionalProperties": False}
    kind = thing(
        m={**inner, "default": {}},
        n={"description": "N.", "type": "string", "default": "", "x-peakctl-only-if": {"m.x": [1]}},
    )
    assert read_thing(kind, "{n: z}")[0]


def test_a_scope_that_nothing_chooses_is_none() -> None:
    rule = {"kinds": ["X"], "id": "nId", "scope-by": "sort", "scope-words": {"a": "b"}}
    kind = thing(n={"description": "N.", "type": "string", "default": "", "x-peakctl-ref": rule})
    (resource,), _ = read_thing(kind, "{n: z}")
    assert resource.references[0].scope is None


def test_long_texts_are_cut_and_many_faults_are_told_at_once() -> None:
    text = manifest("Service", f"{{serviceType: {'x' * 99}, minInstances: 9, extra: 1}}")
    _, found = read(*documents(text))
    assert len(found) == 4
    assert max(len(d.summary) for d in found) < 100


def test_a_name_of_digits_is_a_name() -> None:
    found = only(
        manifest("Workflow", "{steps: {a: {imageId: 1, command: x}}}", metadata="{name: 007}")
    )
    assert found.key == Key("Workflow", "007")


def test_a_secret_version_is_refused_once() -> None:
    (document,) = documents(
        manifest("Workflow", "{steps: {a: {imageDetails: {name: x, version: V}, command: y}}}")
    )
    document.value["spec"]["steps"]["a"]["imageDetails"]["version"] = Secret("1.0.0")
    assert codes(read(document)) == ["tainted"]


IMAGE = "{type: workflow%s}"
STEP = "{imageDetails: {name: forecast}, command: x}"
BLOCK = f"{{kind: workflow, release: {{version: 1.0.0}}, config: {{steps: {{a: {STEP}}}}}}}"


@pytest.mark.parametrize(
    ("version", "found"),
    [
        (", version: 1.4.0", []),
        ("", ["unpinned"]),
        (", version: one", ["version"]),
        (", no: 1", ["unknown-field"]),
    ],
)
def test_a_fixed_release_may_follow_what_is_fixed_in_the_same_run(
    version: str, found: list[str]
) -> None:
    """What is broken itself may be fixed: that is not complained of."""
    texts = [manifest("BlockSpec", BLOCK), manifest("Image", IMAGE % version)]
    result = read(*(d for text in texts for d in documents(text)))
    assert codes(result) == found
    names = [resource.key.kind for resource in result[0]]
    assert ("BlockSpec" in names) == (found != ["unpinned"])
