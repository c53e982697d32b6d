# ruff: noqa: E501 - bodies on one line
"""Texts to manifests: kinds, folding, flags, variables, secrets, paths; and what is said."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from peakctl.conversion.commands import COMMANDS, Mode
from peakctl.conversion.convert import Conversion, Converted, known_kind
from peakctl.conversion.ids import Id
from peakctl.kinds.schemas import load_kinds

IMAGE = (
    "body:\n  name: base\n  version: 0.0.1\n  type: workflow\n  buildDetails: {source: upload}\n"
)
FLOW = "body:\n  name: night\n  steps:\n    a: {type: standard, command: x, imageId: 7}\n"
SERVICE = "body:\n  name: api\n  serviceType: api\n  imageDetails: {imageId: 7, versionId: 8}\n"
BLOCK = (
    "body:\n  kind: workflow\n  metadata: {name: block, summary: s}\n"
    "  release: {version: 1.0.0}\n  config: {steps: {}}\nscope: private\nauto_run_on_deploy: true\n"
)
APP = (
    "body:\n  kind: app\n  metadata: {name: app}\n  config: [{id: b1, release: {version: 1.0.0}}]\n"
)
DEPLOYMENT = (
    "body:\n  metadata: {name: live}\n  spec: {id: b1, release: {version: 1.0.0}}\n"
    "  parameters: {run: {a: 1}}\n"
)


def convert(
    given: dict[str, str],
    *,
    into: str = "",
    kinds: dict[str, str] | None = None,
    named: bool = True,
    names: dict[Id, tuple[str, str]] | None = None,
) -> Converted:
    work = Conversion(given, list(given) if named else [], kinds or {})
    work.read()
    return work.write(load_kinds(), into, names or {})


def one(*bodies: str, script: str = "", **rest: Any) -> dict[str, Any]:
    """The one manifest that comes of bodies `0.yaml`, `1.yaml` ... and a script."""
    given = {f"{n}.yaml": text for n, text in enumerate(bodies)}
    found = convert({**({"x.sh": script} if script else {}), **given}, **rest)
    assert [d for d in found.diagnostics if d.severity == "error"] == []
    (text,) = found.files.values()
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def codes(found: Converted) -> list[str]:
    return [d.code for d in found.diagnostics]


# --- kinds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (IMAGE, "Image"), (FLOW, "Workflow"), (SERVICE, "Service"), (BLOCK, "BlockSpec"),
        (APP, "AppSpec"), (DEPLOYMENT, "Deployment"),
        ("name: data\nartifact: {path: src}\n", "Artifact"),
        ("body:\n  name: a\n  parameters: {env: {A: b}}\n", "Service"),
        (DEPLOYMENT.replace("{run: {a: 1}}", "{block: {run: {a: 1}}}"), "Deployment"),
    ],
)  # fmt: skip
def test_the_kind_is_told_from_the_body(text: str, kind: str) -> None:
    assert one(text)["kind"] == kind


def test_fields_go_to_metadata_and_spec() -> None:
    found = one(BLOCK)
    assert found["metadata"] == {"name": "block", "summary": "s"}
    assert found["spec"]["autoRunOnDeploy"] is True
    assert found["spec"]["scope"] == "private"
    assert found["spec"]["release"] == {"version": "1.0.0"}
    of_app = one(DEPLOYMENT.replace("parameters", "appParameters"))["spec"]
    assert of_app["appSpec"] == {"id": "b1", "release": {"version": "1.0.0"}}
    assert of_app["appParameters"] == {"run": {"a": 1}}


WEB = "body:\n  name: web\n  imageDetails: {imageId: 1}\n  sessionStickiness: yes\n"


def test_what_may_be_several_kinds_is_asked_for() -> None:
    found = convert(
        {"w.yaml": WEB, "d.yaml": DEPLOYMENT.replace("  parameters: {run: {a: 1}}\n", "")}
    )
    assert codes(found) == ["convert/kind", "convert/kind"]
    assert "Service or Webapp" in found.diagnostics[0].summary
    assert "--kind w.yaml=Service" in found.diagnostics[0].fix
    assert one(WEB, kinds={"": "Webapp"})["kind"] == "Webapp"
    assert one(WEB, kinds={"0.yaml": "Webapp"})["kind"] == "Webapp"
    assert one(WEB, script="peak webapps create 0.yaml")["kind"] == "Webapp"
    assert one(IMAGE, kinds={"": "Webapp"})["kind"] == "Image"


def test_the_kind_of_a_part_is_told_by_what_lies_beside_it() -> None:
    words = "body:\n  metadata: {title: T}\n  scope: public\n"
    given = {"x/a.yaml": APP, "x/b.yaml": words, "y/c.yaml": BLOCK}
    found = convert(given)
    assert codes(found) == ["convert/folded"]
    assert "title: T" in found.files["app-specs/app.yaml"]
    assert codes(convert({**given, "x/d.yaml": BLOCK.replace("block", "d")})) == ["convert/kind"]


def test_words_for_kinds() -> None:
    assert [known_kind(w) for w in ("webapps", "Block-Spec", "app_deployment", "x")] == [
        "Webapp", "BlockSpec", "AppDeployment", None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("body: {recipients: [a]}\n", "convert/no-counterpart"),
        ("body: {params: {global: {}}}\n", "convert/no-counterpart"),
        ("body: {strange: 1}\n", "convert/no-body"),
        ("a: 1\n", "convert/no-body"),
        ("[", "convert/not-yaml"),
        ("- a\n", "convert/no-body"),
        ("apiVersion: peakctl/v1\nkind: Image\n", "convert/left-out"),
        ("body:\n  type: workflow\n  buildDetails: {}\n", "convert/no-name"),
        ("body:\n  metadata: {name: x}\n  scope: private\n", "convert/kind"),
        ("body: {name: a, description: b}\n", "convert/kind"),
    ],
)
def test_what_is_no_body_is_said(text: str, code: str) -> None:
    found = convert({"a.yaml": text})
    assert (codes(found), found.files) == ([code], {})
    assert found.diagnostics[0].locations[0].file == "a.yaml"


def test_files_of_a_folder_that_are_no_bodies_are_left_out() -> None:
    found = convert({"a.yaml": "x: 1\n", "b.yaml": "[", "c.txt": "x", "d.yaml": IMAGE}, named=False)
    assert codes(found) == ["convert/left-out", "convert/left-out"]
    assert list(found.files) == ["images/base.yaml"]
    assert codes(convert({"Makefile": "x"})) == ["convert/left-out"]


# --- folding -------------------------------------------------------------------------------------


def test_versions_of_an_image_are_one_manifest() -> None:
    newer = "body:\n  version: 0.0.10\n  buildDetails: {source: upload, useCache: false}\n"
    older = "body:\n  version: 0.0.9\n  description: nine\n  buildDetails: {context: x}\n"
    found = one(newer, IMAGE, older)
    assert found["metadata"] == {"name": "base", "description": "nine"}
    assert found["spec"] == {
        "type": "workflow",
        "version": "0.0.10",
        "buildDetails": {"source": "upload", "useCache": False},
    }


def test_the_last_line_of_a_script_wins() -> None:
    script = (
        "peak services create 0.yaml\npeak services update 12 --min-instances 2 --title 'A b'\n"
        "peak services create-or-update 1.yaml\n"
    )
    found = one(SERVICE, SERVICE + "  title: C\n", script=script)
    assert found["metadata"] == {"name": "api", "title": "C"}
    assert found["spec"]["minInstances"] == 2
    assert one(SERVICE, script="peak services create 0.yaml\npeak services create 0.yaml\n")


def test_revisions_releases_and_parameters() -> None:
    revision = (
        "body:\n  release: {version: 2.0.0}\n  revision: {notes: n}\n  parameters: {run: {b: 2}}\n"
    )
    script = (
        "ID=$(peak blocks deployments create 0.yaml | jq .id)\n"
        "peak blocks deployments create-revision $ID 1.yaml\n"
        "peak blocks deployments patch-parameters $ID 2.yaml\n"
        "peak deployments patch-parameters-v2 $ID 3.yaml\n"
        "peak blocks deployments update-metadata $ID 4.yaml\n"
    )
    found = one(
        DEPLOYMENT, revision, "body: {b: 3, c: 4}\n", "body: {parameters: {d: 5}}\n",
        "body: {name: new, title: T}\n", script=script,
    )  # fmt: skip
    assert found["metadata"] == {"name": "new", "title": "T", "previousNames": ["live"]}
    assert found["spec"] == {
        "blockSpec": {"id": "b1", "release": {"version": "2.0.0"}},
        "revision": {"notes": "n"},
        "parameters": {"run": {"b": 3, "c": 4, "d": 5}},
    }


def test_a_revision_of_an_app() -> None:
    app = DEPLOYMENT.replace("{run: {a: 1}}", "{one: {run: {a: 1}}}")
    revision = "body:\n  release: {version: 2.0.0}\n  blocksConfig: {excludes: [{id: b9}]}\n"
    script = (
        "peak apps deployments create 0.yaml\npeak apps deployments create-revision 1 1.yaml\n"
        "peak deployments patch-parameters-v2 1 2.yaml\n"
    )
    patch = "body: {appParameters: {p: 1}, parameters: {one: {a: 2}}}\n"
    found = one(app, revision, patch, script=script)["spec"]
    assert found["appSpec"]["excludes"] == [{"id": "b9"}]
    assert found["appSpec"]["release"] == {"version": "2.0.0"}
    assert found["parameters"] == {"one": {"run": {"a": 2}}}
    assert found["appParameters"] == {"run": {"p": 1}}


def test_workflows_are_replaced_by_an_update_and_changed_by_a_patch() -> None:
    update = "body:\n  name: night\n  steps:\n    b: {type: standard, command: y, imageId: 7}\n"
    patch = "body:\n  triggers: [{}]\n  steps: {b: {command: z}}\n"
    script = (
        "peak workflows create 0.yaml\npeak workflows update 3 1.yaml\npeak workflows patch 3 2.yaml\n"
        "peak workflows patch 3 --image-id 9 --step-names b,c --clear-image-cache --branch main\n"
        "peak workflows patch 3 --step-names c --command no\n"
    )
    found = one(FLOW, update, patch, script=script)["spec"]
    assert found == {
        "triggers": [],
        "steps": {
            "b": {
                "type": "standard", "command": "z", "imageId": 9, "clearImageCache": True,
                "repository": {"branch": "main"},
            }
        },
    }  # fmt: skip


def test_lines_of_scripts_keep_their_order() -> None:
    script = (
        "peak services update 1 --min-instances 2 --title A\npeak services create 0.yaml\n"
        "peak services update 1 --min-instances 1\npeak services create-or-update 0.yaml --title B\n"
    )
    found = one(SERVICE, script=script)
    assert found["metadata"]["title"] == "A"
    script = "\n".join(script.split("\n")[1:])
    found = one(SERVICE, script=script)
    assert (found["metadata"]["title"], found["spec"]["minInstances"]) == ("B", 1)
    patch = "body: {steps: {a: {command: patched}}}\n"
    script = "peak workflows create 0.yaml\npeak workflows patch 1 1.yaml\npeak workflows update 1 0.yaml\n"
    assert one(FLOW, patch, script=script)["spec"]["steps"]["a"]["command"] == "x"


def test_variables_that_come_from_secrets_are_secrets() -> None:
    ci = (
        "on: push\njobs:\n  a:\n    env: {TOK: '${{ secrets.X }}'}\n    steps:\n      - run: |\n"
        "          Y=$GIT_TOKEN\n          peak services create --name s --env A=$TOK --env B=$Y --env C=$D\n"
    )
    env = yaml.safe_load(convert({"c.yml": ci}).files["services/s.yaml"])["spec"]["parameters"][
        "env"
    ]
    assert env == {"A": "{{ os_env.TOK }}", "B": "{{ os_env.Y }}", "C": "{{ D }}"}


def test_a_patch_replaces_all_but_steps() -> None:
    flow = "body:\n  name: n\n  retryOptions: {duration: 1, exitCodes: [1]}\n  steps: {a: {command: x, parameters: {env: {A: b}, secrets: [s]}}}\n"
    patch = "body: {retryOptions: {duration: 2}, steps: {a: {parameters: {env: {C: d}}}}}\n"
    script = "peak workflows create 0.yaml\npeak workflows patch 1 1.yaml\n"
    found = one(flow, patch, script=script)["spec"]
    assert found["retryOptions"] == {"duration": 2}
    assert found["steps"] == {
        "a": {"command": "x", "parameters": {"env": {"C": "d"}, "secrets": ["s"]}}
    }


def test_scripts_without_commands_of_the_client_are_of_no_interest() -> None:
    found = convert({"x.sh": "export A_TOKEN=abcdef\ncd $X\n"})
    assert (found.files, found.diagnostics) == ({}, [])
    ci = "on: x\njobs: {a: {env: {A_TOKEN: '$OTHER'}, steps: [{run: peak services create --name s}]}}\n"
    assert codes(convert({"c.yml": ci})) == []


def test_two_resources_of_one_name_are_refused() -> None:
    assert len(convert({"a.yaml": IMAGE, "b.yaml": IMAGE}).files) == 1
    found = convert({"a.yaml": IMAGE, "b.yaml": IMAGE.replace("0.0.1", "0.0.2")})
    assert codes(found) == ["convert/duplicate-name"]
    assert [place.file for place in found.diagnostics[0].locations] == ["b.yaml", "a.yaml"]


def test_what_a_body_belongs_to_must_be_known() -> None:
    part = "body: {version: 0.0.2, buildDetails: {}}\n"
    both = {"a.yaml": IMAGE, "b.yaml": IMAGE.replace("base", "other"), "c.yaml": part}
    found = convert(both)
    assert codes(found) == ["convert/no-name"]
    assert "which Image (base, other)" in found.diagnostics[0].summary
    found = convert({**both, "x.sh": "peak images create-version 12 c.yaml"}, names={
        Id(("Image",), "12"): ("other", "")})  # fmt: skip
    assert codes(found) == []
    assert "0.0.2" in found.files["images/other.yaml"]
    near = {"x/a.yaml": IMAGE, "y/b.yaml": IMAGE.replace("base", "other"), "y/c.yaml": part}
    assert codes(convert(near)) == ["convert/folded"]


def test_a_part_of_something_that_only_the_tenant_knows_is_a_manifest() -> None:
    names = {Id(("Service",), "12"): ("theirs", "")}
    found = one(script="peak services update 12 --min-instances 2", names=names)
    assert (found["metadata"], found["spec"]) == ({"name": "theirs"}, {"minInstances": 2})


# --- flags and variables -------------------------------------------------------------------------


def test_flags_are_fields() -> None:
    script = (
        "peak images create --name i --type api --source dockerfile --dockerfile 'FROM x\ny' \\\n"
        "  --build-arguments A=b=c --build-arguments D=e --secrets s1,s2 --secrets s3 --no-use-cache \\\n"
        "  --version=1.2.3 --artifact-path src --artifact-ignore-files .ignore -o json --dry-run\n"
    )
    found = one(script=script)
    assert found["metadata"] == {"name": "i"}
    assert found["spec"]["version"] == "1.2.3"
    assert found["spec"]["artifact"] == {"path": "src", "ignore_files": [".ignore"]}
    details = found["spec"]["buildDetails"]
    assert details["secrets"] == ["s1", "s2", "s3"]
    assert details["useCache"] is False
    assert details["dockerfile"] == "FROM x\ny"
    assert [each["name"] for each in details["buildArguments"]] == ["A", "D"]


def test_flags_win_over_the_body() -> None:
    found = one(
        SERVICE, script="peak services create 0.yaml --name other --env A=1 --min-instances 2"
    )
    assert found["metadata"]["name"] == "other"
    assert found["spec"]["parameters"] == {"env": {"A": "1"}}


def test_json_in_a_flag() -> None:
    script = 'peak images create --name i --type api --build-details \'{"source": "github"}\''
    assert one(script=script)["spec"]["buildDetails"] == {"source": "github"}
    found = convert({"x.sh": script.replace("}'", "'")})
    assert codes(found) == ["convert/flag"]


def test_variables_become_parameters_and_secrets_os_env() -> None:
    script = (
        "STAGE=dev\n"
        'peak services create --name "api-$STAGE" --env TOKEN=$TOKEN --env R=$REGION --image-id $ID\n'
    )
    found = convert({"x.sh": script})
    text = found.files["services/api--STAGE.yaml"]
    assert 'name: "api-{{ STAGE }}"' in text
    assert 'TOKEN: "{{ os_env.TOKEN }}"' in text
    assert "imageId: {{ ID }}" in text
    assert [(p.name, p.value) for p in found.parameters] == [
        ("ID", ""), ("REGION", ""), ("STAGE", "dev"),
    ]  # fmt: skip


def test_ids_that_a_script_keeps_become_names() -> None:
    script = (
        "IMG=$(peak images create 0.yaml | jq .imageId)\n"
        "peak services create --name s --image-id $IMG --version-id 3\n"
        "peak workflows create 1.yaml -p image=$IMG\n"
    )
    flow = FLOW.replace("imageId: 7", "imageId: {{ image }}, imageVersionId: 2").replace(
        "{type", "\n      type"
    )
    flow = "body:\n  name: night\n  steps:\n    a:\n      imageId: {{ image }}\n      imageVersionId: 2\n"
    found = convert({"x.sh": script, "0.yaml": IMAGE, "1.yaml": flow})
    service = yaml.safe_load(found.files["services/s.yaml"])
    assert service["spec"]["imageDetails"] == {"name": "base"}
    steps = yaml.safe_load(found.files["workflows/night.yaml"])["spec"]["steps"]
    assert steps == {"a": {"imageDetails": {"name": "base"}}}


def test_ids_become_names_where_the_tenant_knows_them() -> None:
    names = {
        Id(("Image",), "7", "8"): ("base", "0.0.3"), Id(("InstanceType",), "43", "", "api-deployment"): ("Small", ""),
        Id(("Image",), "7"): ("base", ""), Id(("BlockSpec",), "b1"): ("block", ""),
    }  # fmt: skip
    text = SERVICE + "  resources: {instanceTypeId: 43}\n"
    assert one(text, names=names)["spec"] == {
        "serviceType": "api",
        "imageDetails": {"name": "base", "version": "0.0.3"},
        "resources": {"instanceType": "Small"},
    }
    step = one(FLOW, names=names)["spec"]["steps"]["a"]
    assert step == {"type": "standard", "command": "x", "imageDetails": {"name": "base"}}
    assert one(APP, names=names)["spec"]["config"] == [
        {"name": "block", "release": {"version": "1.0.0"}}
    ]
    text = next(iter(convert({"a.yaml": SERVICE}).files.values()))
    assert "# an id is good in one tenant alone" in text


def test_what_only_a_shell_knows_is_said_line_by_line() -> None:
    script = (
        "peak images creat x\n"
        "peak images list\n"
        'peak services create --name s --image-id "$(peak images list)" --bad 1\n'
        'eval "peak images create x"\n'
        "peak images create *.yaml\n"
        "peak images create missing.yaml\n"
        "for x in a b; do peak webapps create --name w-$x; done\n"
        "echo peak images create no.yaml\n"
        "pip install peak\n"
        "peak --version\n"
    )
    found = convert({"x.sh": script})
    assert [(d.code, d.locations[0].line) for d in found.diagnostics] == [
        ("convert/command", 1), ("convert/no-counterpart", 2), ("convert/no-counterpart", 3),
        ("convert/shell", 3), ("convert/flag", 3), ("convert/command", 4), ("convert/shell", 5),
        ("convert/not-given", 6), ("convert/loop", 7),
    ]  # fmt: skip
    assert set(found.files) == {"services/s.yaml", "webapps/w--x.yaml"}


def test_commands_are_found_behind_other_programs() -> None:
    script = (
        "A=b sudo poetry run peak services create --name a --service-type api\n"
        "$PEAK services create --name b --service-type api\n"
        "/opt/bin/peak services create --name c --service-type api\n"
    )
    assert set(convert({"x.sh": script}).files) == {f"services/{n}.yaml" for n in "abc"}


def test_bodies_are_looked_for_where_the_script_goes() -> None:
    given = {
        "ci/x.sh": 'cd "$(dirname "$0")/bodies"\npeak images create a.yaml\ncd -\n',
        "ci/bodies/a.yaml": IMAGE,
        "y.sh": "cd ci/bodies\ncd ../other\npeak services create b.yaml\ncd $X\npeak workflows create c.yaml\n",
        "ci/other/b.yaml": SERVICE,
        "deep/er/c.yaml": FLOW,
    }
    found = convert(given)
    assert set(found.files) == {"images/base.yaml", "services/api.yaml", "workflows/night.yaml"}
    assert [(d.code, d.locations[0].line) for d in found.diagnostics] == [("convert/script", 4)]


def test_files_beside_the_body() -> None:
    script = (
        "cd deploy\npeak blocks specs create ../0.yaml -d texts/d.md -n notes.txt -v ../params.yaml\n"
        "peak blocks specs create-release $ID ../1.yaml --release-notes-file=n2.md\n"
    )
    release = "body:\n  release: {version: 2.0.0, notes: old}\n  config: {steps: {}}\n"
    params = "env: dev\ngit_token: abcdefabcdef\n"
    given = {"x.sh": script, "0.yaml": BLOCK, "1.yaml": release, "params.yaml": params}
    found = convert(given, into="manifests")
    loaded = yaml.safe_load(found.files["block-specs/block.yaml"])
    assert loaded["metadata"]["descriptionFile"] == "../../deploy/texts/d.md"
    assert loaded["spec"]["release"] == {"version": "2.0.0", "notesFile": "../../deploy/n2.md"}
    assert found.params_files == ["params.yaml"]
    assert codes(found) == ["convert/literal-secret", "convert/folded"]
    assert "abcdef" not in str(found)


def test_paths_of_artifacts_are_seen_from_the_manifest() -> None:
    body = "name: a\nartifact: {path: ./src}\n"
    assert one(body, into="m")["spec"]["artifact"] == {"path": "../../src"}
    assert one(body)["spec"]["artifact"] == {"path": "src"}
    assert one(body, script="cd sub\npeak artifacts create ../0.yaml", into="m")["spec"] == {
        "artifact": {"path": "../../sub/src"}
    }
    assert one(body.replace("./src", "/abs"), into="m")["spec"]["artifact"] == {"path": "/abs"}
    found = convert({"a.yaml": "name: a\nartifact:\n  path: x/{{ e }}\n"}, into="m")
    assert 'path: "../../x/{{ e }}"' in found.files["artifacts/a.yaml"]


# --- templates, secrets, words -------------------------------------------------------------------


def test_templates_are_kept() -> None:
    text = (
        "{% set a = 1 %}\nbody:\n  name: n-{{ e }}\n  steps:\n    {% for s in list %}\n    s-{{ s }}:\n"
        "      command: x\n      repository: {url: u, branch: b, token: abc}\n    {% endfor %}\n"
        "    z:\n      imageId: {{ i }}\n      command: |\n        {% if a %}\n        {{ e }}\n"
        "        {% endif %}\n  tags:\n  {% for t in ts %}\n  - name: {{ t }}\n  {% endfor %}\n"
    )
    found = convert({"a.yaml": text})
    made = found.files["workflows/n--e.yaml"]
    assert made.startswith("{% set a = 1 %}\n")
    for part in (
        "  name: n-{{ e }}\n", "    {% for s in list %}\n    s-{{ s }}:\n      command: x\n",
        "      imageId: {{ i }}\n", "        {% if a %}\n        {{ e }}\n        {% endif %}\n",
        "  tags:\n    {% for t in ts %}\n    - name: {{ t }}\n    {% endfor %}\n",
        "token: '{{ os_env.WORKFLOW_REPOSITORY_TOKEN }}'}",
    ):  # fmt: skip
        assert part in made
    assert [p.name for p in found.parameters] == ["e", "i", "list", "ts"]


def test_lines_of_a_template_that_belong_to_both_parts_are_told() -> None:
    text = IMAGE + "  {% if x %}\n  description: d\n  autodeployResources: []\n  {% endif %}\n"
    found = convert({"a.yaml": text})
    assert codes(found) == ["convert/template"]
    text = IMAGE + "  {% if x %}\n  description: d\n  {% endif %}\n"
    made = convert({"a.yaml": text}).files["images/base.yaml"]
    assert "  name: base\n  {% if x %}\n  description: d\n  {% endif %}\nspec:" in made


def test_placeholders_of_the_platform_are_escaped_and_parameters_are_not() -> None:
    text = (
        "body:\n  name: n\n  steps:\n    a:\n      type: http\n      method: post\n      url: u\n"
        '      payload: \'{"x": "{{data}}"}\'\n'
    )
    found = convert({"a.yaml": text})
    assert codes(found) == ["convert/placeholder"]
    assert "{% raw %}" in found.files["workflows/n.yaml"]
    assert found.parameters == []
    script = "peak workflows create a.yaml -p data=1"
    found = convert({"a.yaml": text, "x.sh": script})
    assert codes(found) == []
    assert '"{{data}}"' in found.files["workflows/n.yaml"]
    assert [(p.name, p.value) for p in found.parameters] == [("data", "1")]


CANARY = "zebra-finch-93"


@pytest.mark.parametrize(
    "given",
    [
        {"a.yaml": IMAGE.replace("{source: upload}", f"{{source: github, token: {CANARY}}}")},
        {"a.yaml": IMAGE.replace("{source: upload}", f"{{buildArguments: [{{name: A, value: {CANARY}}}]}}")},
        {"a.yaml": FLOW.replace("imageId: 7", f"repository: {{token: {CANARY}}}")},
        {"a.yaml": FLOW.replace("standard, command: x, imageId: 7", f"http, method: get, url: u, headers: {{absolute: {{X-Key: {CANARY}}}}}")},
        {"a.yaml": FLOW + f"  watchers: [{{events: {{}}, webhook: {{name: w, url: 'https://h/{CANARY}', payload: p}}}}]\n"},
        {"a.yaml": SERVICE + f"  parameters: {{env: {{DB_PASSWORD: {CANARY}}}}}\n"},
        {"a.yaml": SERVICE + f"  parameters: {{env: {{DB: 'pg://u:{CANARY}@h/d'}}}}\n"},
        {"a.yaml": SERVICE + f"  entrypoint: run 'https://u:{CANARY}@host'\n"},
        {"a.yaml": SERVICE + f"  entrypoint: \"run https://u:{CANARY}@host {{{{ x }}}}\"\n"},
        {"a.yaml": f"# token: ghp_{CANARY.replace('-', '')}abcdefghij\n{SERVICE}"},
        {"a.yaml": f"{SERVICE}  parameters: {{env: {{A_TOKEN: {CANARY}}}}} # {CANARY}\n"},
        {"a.yaml": DEPLOYMENT.replace("a: 1", f"api_key: {CANARY}")},
        {"a.yaml": f"{{% set git_token = '{CANARY}' %}}\n{SERVICE}"},
        {"a.yaml": SERVICE + f"  entrypoint: \"{{{{ x | default('https://u:{CANARY}@h') }}}}\"\n"},
        {"a.yaml": FLOW + f"{{% if x %}}\n    b: {{type: standard, repository: {{token: {CANARY}}}}}\n{{% endif %}}\n"},
        {"a.yaml": FLOW + f"{{% if x == 'https://u:{CANARY}@h' %}}\n    b: {{type: standard}} # https://u:{CANARY}@h\n{{% endif %}}\n"},
        {"x.sh": f"peak services create a.yaml -p where=https://u:{CANARY}@h", "a.yaml": SERVICE + "  entrypoint: \"{{ where }}\"\n"},
        {"x.sh": f"peak images create --name i --type api --token $(echo {CANARY}) --secrets {CANARY}$(x)\n".replace(f"--secrets {CANARY}$(x)", "")  + f"export B_TOKEN={CANARY}"},
        {"x.sh": f"peak images create --name i --type api --token {CANARY}"},
        {"x.sh": f"peak images create --name i --type api --build-arguments T={CANARY}"},
        {"x.sh": f"peak services create --name s --service-type api --env API_TOKEN={CANARY}"},
        {"x.sh": f"export GIT_TOKEN={CANARY}\npeak services create --name s --env A=$GIT_TOKEN"},
        {"x.sh": f"PEAK_AUTH_TOKEN={CANARY} peak services create --name s"},
        {"x.sh": f"peak images create a.yaml -p git_token={CANARY}", "a.yaml": IMAGE.replace("{source: upload}", "{token: \"{{ git_token }}\"}")},
        {"c.yml": f"jobs:\n  a:\n    env: {{A_TOKEN: {CANARY}}}\n    steps: [{{run: peak services create --name s}}]\non: x\n"},
    ],
)  # fmt: skip
def test_no_secret_is_in_what_is_written_or_said(given: dict[str, str]) -> None:
    found = convert(given)
    assert found.files
    assert CANARY not in str(found)
    assert CANARY.replace("-", "") not in str(found)
    if "#" not in str(given):
        assert "convert/literal-secret" in codes(found)


def test_one_secret_has_one_variable() -> None:
    flow = (
        "body:\n  name: n\n  steps:\n    a: {repository: {token: abc, url: u}}\n"
        "    b: {repository: {token: abc, url: u}}\n    c: {repository: {token: other, url: u}}\n"
    )
    found = convert({"a.yaml": flow})
    assert found.variables == {
        "N_REPOSITORY_TOKEN": "Workflow n: token", "N_REPOSITORY_TOKEN_2": "Workflow n: token",
    }  # fmt: skip


def test_variables_that_templates_may_not_read_get_another_name() -> None:
    text = "body:\n  name: github\n  type: api\n  buildDetails: {buildArguments: [{name: token, value: x}]}\n"
    assert list(convert({"a.yaml": text}).variables) == ["GITHUB_BUILDARGUMENTS_TOKEN"]
    text = "body:\n  name: slack\n  type: api\n  buildDetails: {buildArguments: [{name: webhook, value: x}]}\n"
    assert list(convert({"a.yaml": text}).variables) == ["MANIFEST_SLACK_WEBHOOK"]


def test_credentials_of_the_ci_are_read_under_another_name() -> None:
    text = IMAGE.replace("{source: upload}", '{token: "{{ os_env.GITHUB_TOKEN }}"}')
    found = convert({"a.yaml": text})
    assert codes(found) == ["convert/credential"]
    assert "os_env.MANIFEST_GITHUB_TOKEN" in found.files["images/base.yaml"]
    assert found.variables == {"MANIFEST_GITHUB_TOKEN": ""}


def test_statements_within_an_item_of_a_list() -> None:
    text = "body:\n  name: n\n  steps: {}\n  triggers:\n    -\n      {% if x %}\n      cron: a\n      {% endif %}\n"
    made = convert({"a.yaml": text}).files["workflows/n.yaml"]
    assert "  triggers:\n    -\n      {% if x %}\n      cron: a\n      {% endif %}\n" in made


def test_harmless_headers_and_names_of_secrets_stay() -> None:
    step = "{type: http, method: get, url: u, headers: {absolute: {Content-Type: application/json}, secrets: {token: name-of-it}}, auth: {type: bearer-token, bearerToken: t}}"
    found = convert({"a.yaml": f"body:\n  name: n\n  steps:\n    a: {step}\n  secrets: [x]\n"})
    assert found.variables == {}


def test_words_of_yaml_1_1_keep_their_meaning() -> None:
    text = (
        SERVICE + "  parameters:\n    env: {A: yes, B: 010, C: 1.10, D: on2}\n  scaleToZero: Off\n"
    )
    found = convert({"a.yaml": text})
    spec = yaml.safe_load(found.files["services/api.yaml"])["spec"]
    assert spec["parameters"]["env"] == {"A": "true", "B": "8", "C": "1.1", "D": "on2"}
    assert spec["scaleToZero"] is False
    assert codes(found) == ["convert/not-text"] * 3


def test_an_http_step_without_a_method_is_left_to_be_done() -> None:
    found = convert(
        {"a.yaml": "body:\n  name: n\n  steps:\n    a:\n      type: http\n      url: u\n"}
    )
    assert codes(found) == ["convert/incomplete"]
    assert "# to be done: which method?" in found.files["workflows/n.yaml"]


def test_comments_stay_with_their_keys() -> None:
    found = convert({"a.yaml": IMAGE.replace("  type:", "  # kind of image\n  type:")})
    assert "  # kind of image\n  type: workflow\n" in found.files["images/base.yaml"]
    assert found.files["images/base.yaml"].startswith("# Converted from a.yaml.\n")


def test_names_of_files_are_told_apart() -> None:
    found = convert(
        {"a.yaml": IMAGE.replace("base", "a/b"), "b.yaml": IMAGE.replace("base", "a b")}
    )
    assert list(found.files) == ["images/a-b.yaml", "images/a-b-2.yaml"]


# --- publish files -------------------------------------------------------------------------------

PUBLISH = """\
app:
  name: shop
  path: app.yaml.j2
  params: {title: Shop, GIT: env:GIT_TOKEN, region: env:REGION}
blocks:
  - name: load
    path: block.yaml.j2
    run_on_deploy: true
    params: {size: 3, title: Loader, IS_ALPHA: true}
  - name: train
    path: block.yaml.j2
    params: {size: 4, VERSION: 2.0.0, api_token: secret-of-theirs}
external_blocks:
  - {name: theirs, block_id: abc-1, version: 1.2.3}
"""
TEMPLATE = """\
body:
  kind: workflow
  metadata:
    name: {{ BLOCK_NAME }}
    title: "{{ title }}"
    summary: s
  release:
    version: {{ VERSION }}
    notes: "{{ RELEASE_NOTES }}"
  config:
    steps:
      a:
        type: standard
        command: run {{ size }} in {{ region }}
        stepTimeout: {{ size }}
        image: {buildArguments: {T: "{{ GIT }}", A: "{{ api_token }}"}}
scope: {{ SCOPE }}
artifact: {path: src}
"""
OF_APP = """\
body:
  kind: app
  metadata: {name: "{{ app_name }}", summary: s}
  release:
    version: {{ VERSION }}
  config:
    {% for b in BLOCKS %}
    - id: {{ b.id }}
    {% endfor %}
scope: {{ SCOPE }}
"""


def test_a_publish_file_is_an_app_and_its_blocks() -> None:
    given = {"p/publish.yaml": PUBLISH, "p/block.yaml.j2": TEMPLATE, "p/app.yaml.j2": OF_APP}
    found = convert(given)
    assert [d.code for d in found.diagnostics if d.severity == "error"] == []
    assert set(found.files) == {
        "block-specs/load.yaml",
        "block-specs/train.yaml",
        "app-specs/shop.yaml",
    }
    assert sorted(codes(found)) == ["convert/alpha", "convert/literal-secret"]
    load = found.files["block-specs/load.yaml"]
    for part in (
        "name: load", "title: Loader", "stepTimeout: 3", "command: run {{ size }} in {{ region }}",
        "{% set region = REGION %}", "{% set GIT = os_env.GIT_TOKEN %}", "{% set size = 3 %}",
        '{% set SCOPE = SCOPE | default("private") %}',
    ):  # fmt: skip
        assert part in load, part
    assert "version: " not in load
    assert "version: 2.0.0" in found.files["block-specs/train.yaml"]
    assert "secret-of-theirs" not in str(found)
    app = yaml.safe_load(
        found.files["app-specs/shop.yaml"].split("\n", 1)[1].replace("{{ SCOPE }}", "x")
    )
    assert app["spec"]["config"] == [
        {"name": "load", "autoRunOnDeploy": True}, {"name": "train", "autoRunOnDeploy": False},
        {"id": "abc-1", "release": {"version": "1.2.3"}, "autoRunOnDeploy": False},
    ]  # fmt: skip
    assert app["spec"]["featured"] is True


def test_a_template_of_a_publish_file_has_to_be_given() -> None:
    found = convert({"publish.yaml": PUBLISH, "x/block.yaml.j2": TEMPLATE})
    missing = [d for d in found.diagnostics if d.code == "convert/not-given"]
    assert [d.locations[0].line for d in missing] == [3]


@pytest.mark.parametrize("blocks", ["3", "true", "text", "{a: b}", "[3]", "null"])
def test_blocks_of_a_publish_file_may_be_anything(blocks: str) -> None:
    """Nothing that is no list of mappings ends in an internal error."""
    template = "body: {kind: app, metadata: {name: app, summary: s}, config: []}\n"
    found = convert(
        {"p.yaml": f"app: {{name: a, path: a.j2}}\nblocks: {blocks}\n", "a.j2": template}
    )
    assert "kind: AppSpec" in "".join(found.files.values())
    assert convert({"p.yaml": f"blocks: {blocks}\n"}).files == {}


# --- the table -----------------------------------------------------------------------------------


def test_every_command_says_what_to_use_or_has_a_mode() -> None:
    assert len([c for c in COMMANDS.values() if not c.new]) == 95
    assert len(COMMANDS) == 126
    assert all(command.instead for command in COMMANDS.values())
    assert {command.mode for command in COMMANDS.values()} == {None, *Mode}
