"""What each adapter makes of the platform's answers, full ones and those of the examples."""

from __future__ import annotations

import asyncio
import importlib
import io
import warnings
import zipfile
from collections.abc import Coroutine, Sequence
from typing import Any

import pytest

from peakctl.adapters.rest import Rest
from peakctl.archives.digest import add_digest
from peakctl.archives.zips import digest_of_zip, files_of_zip
from peakctl.catalog import lookup_kind
from peakctl.errors import ApiError, Diagnostic, PeakctlError
from peakctl.kinds.schemas import load_kinds
from peakctl.model import (
    MISSING,
    Archive,
    CallRequest,
    CallResult,
    Change,
    Document,
    Failure,
    Key,
    Listed,
    Live,
    Location,
    LogPage,
    Reference,
    Resource,
    State,
    Step,
)

Tree = dict[str, Any]
DIGEST = "sha256:" + "a" * 64
IMAGES = "service/image-management/api/v2/images/"
WEBAPPS = "service/webapps/api/v1/webapps/"
WORKFLOWS = "service/workflows/api/v1/workflows/"
ARTIFACTS = "service/artifacts/api/v1/artifacts/"
BLOCK_SPECS = "press/v1/blocks/specs/"
APP_SPECS = "press/v1/apps/specs/"
BLOCKS = "press/v1/blocks/deployments/"
APPS = "press/v1/apps/deployments/"


def refusal(status: int, detail: str = "") -> ApiError:
    return ApiError(Diagnostic("api/refused", detail), status=status, detail=detail)


class FakeApi:
    """Answers by path; a path without an answer is a 404. Remembers what was asked, in order."""

    def __init__(self, answers: Tree) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str, tuple[tuple[str, str], ...]]] = []
        self.sent: list[Any] = []

    def _answer(self, method: str, path: str, query: Sequence[tuple[str, str]] = ()) -> Any:
        self.asked.append((method, path, tuple(query)))
        found = self.answers.get(path, refusal(404))
        if isinstance(found, list) and found and method == "GET" and isinstance(found[0], tuple):
            found = found.pop(0)[0]
        if isinstance(found, Exception):
            raise found
        return found

    async def get(self, path: str, query: Sequence[tuple[str, str]] = ()) -> Any:
        return self._answer("GET", path, query)

    async def download(self, path: str) -> Any:
        return self._answer("DOWNLOAD", path)

    async def pages(
        self, path: str, items: tuple[str, ...], query: Sequence[tuple[str, str]] = ()
    ) -> Any:
        return self._answer("PAGES", path, query)

    async def send(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        parts: Any = None,
        query: Sequence[tuple[str, str]] = (),
    ) -> Any:
        self.sent.append(json if parts is None else parts)
        return self._answer(method, path, query)


def adapter(kind: str, module: str, answers: Tree) -> tuple[Any, FakeApi]:
    api = FakeApi(answers)
    found = load_kinds().get(kind) or lookup_kind(kind)
    return importlib.import_module(f"peakctl.adapters.{module}").Adapter(api, found), api


def resource(kind: str, name: str, spec: Tree | None = None, *, folder: bool = False) -> Resource:
    document = Document({}, "m.yaml", "/", lambda path: Location("m.yaml", 1, 1))
    archive = Archive(DIGEST, 1, lambda: b"zip")
    archives = {("spec", "artifact"): archive} if folder else {}
    values = {"metadata": {"name": name}, "spec": spec or {}}
    return Resource(Key(kind, name), values, document, archives=archives)


def run(what: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(what)


def zipped(*names: str) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w") as archive:
        warnings.simplefilter("ignore")
        for name in names or ("Dockerfile",):
            archive.writestr(name, "FROM scratch")
    return out.getvalue()


# --- artifacts -----


def test_an_artifact_is_read_with_the_digest_of_its_latest_download() -> None:
    described = {"id": "a", "name": "art", "description": None, "versions": [{"version": 2}]}
    art, api = adapter(
        "Artifact",
        "artifact",
        {ARTIFACTS + "a": {**described, "versionCount": 3}, ARTIFACTS + "a/download": zipped()},
    )
    live = run(art.read(Listed("a", "art"), resource("Artifact", "art", folder=True)))
    assert live.values["spec"]["artifact"] == {"digest": digest_of_zip(zipped())}
    assert run(art.files(live)) == live.files == files_of_zip(zipped())
    assert live.values["metadata"] == {"name": "art"}
    assert (live.version, live.attributes) == ("3", {"id": "a"})
    assert len(api.asked) == 2


def test_an_artifact_without_a_folder_is_not_downloaded() -> None:
    art, api = adapter("Artifact", "artifact", {ARTIFACTS + "a": {"id": "a", "name": "art"}})
    live = run(art.read(Listed("a", "art"), None))
    assert (live.version, live.values["spec"], len(api.asked)) == (None, {}, 1)


def test_a_download_that_is_gone_tells_no_digest_and_one_that_fails_is_an_error() -> None:
    art, _ = adapter("Artifact", "artifact", {ARTIFACTS + "a": {"id": "a"}})
    folder = resource("Artifact", "art", folder=True)
    assert "artifact" not in run(art.read(Listed("a", "art"), folder)).values["spec"]
    broken = {ARTIFACTS + "a": {"id": "a"}, ARTIFACTS + "a/download": refusal(500)}
    art, _ = adapter("Artifact", "artifact", broken)
    with pytest.raises(ApiError):
        run(art.read(Listed("a", "art"), folder))


@pytest.mark.parametrize(
    ("kind", "module", "item"),
    [
        ("Artifact", "artifact", {}),
        ("Image", "image", {}),
        ("BlockSpec", "block_spec", {"latestRelease": {"version": "1.0.0"}}),
        ("AppSpec", "app_spec", {}),
        ("Deployment", "deployment", {"family": "blocks"}),
        ("Deployment", "deployment", {"family": "apps"}),
        ("Workflow", "workflow", {}),
        ("Service", "service", {}),
        ("Webapp", "webapp", {}),
        ("InstanceType", "instance_type", {}),
    ],
)
def test_what_is_gone_reads_as_nothing(kind: str, module: str, item: Tree) -> None:
    found, _ = adapter(kind, module, {})
    assert run(found.read(Listed("x", "x", item), resource(kind, "x"))) is None


# --- images -----

LATEST = {
    "id": 7,
    "version": "1.0.0",
    "status": "in-use",
    "lastBuildStatus": "success",
    "buildId": 3,
    "description": add_digest("About it", DIGEST),
    "buildDetails": {"source": "upload", "token": "", "context": ".", "dockerfile": None},
}
IMAGE = {"id": 1, "name": "img", "type": "Workflow", "scope": "custom", "latestVersion": LATEST}


def test_an_image_is_read_in_one_request() -> None:
    img, api = adapter("Image", "image", {IMAGES + "1": IMAGE})
    live = run(img.read(Listed(1, "img"), resource("Image", "img")))
    assert live.values == {
        "metadata": {"name": "img", "description": "About it"},
        "spec": {
            "type": "workflow",
            "version": "1.0.0",
            "buildDetails": {"source": "upload", "context": "."},
            "artifact": {"digest": DIGEST},
        },
    }
    assert (live.state, live.status, live.foreign) == (State.READY, "in-use", None)
    assert live.private == {"versionId": 7, "buildId": "3"}
    assert live.attributes == {"id": 1, "version": 7}
    assert len(api.asked) == 1


def test_an_image_takes_one_request_when_the_listing_shows_its_latest_version() -> None:
    shown = {**IMAGE, "latestVersion": {"id": 7, "version": "1.0.0", "status": "ready"}}
    img, api = adapter("Image", "image", {IMAGES + "1/versions/7": LATEST})
    live = run(img.read(Listed(1, "img", shown), None))
    assert live.values["spec"]["buildDetails"] == {"source": "upload", "context": "."}
    assert (live.version, live.latest, len(api.asked)) == ("1.0.0", "1.0.0", 1)


def test_a_version_that_is_gone_since_the_listing_is_read_from_the_image() -> None:
    shown = {**IMAGE, "latestVersion": {"id": 6, "version": "0.9.0", "status": "ready"}}
    img, _ = adapter("Image", "image", {IMAGES + "1": {**IMAGE, "latestVersion": LATEST}})
    assert run(img.read(Listed(1, "img", shown), None)).version == "1.0.0"
    img, _ = adapter("Image", "image", {})
    assert run(img.read(Listed(1, "img", shown), None)) is None


def test_a_short_answer_about_an_image_is_completed_by_its_version() -> None:
    short = {**IMAGE, "latestVersion": {"id": 7, "version": "1.0.0", "status": "ready"}}
    img, api = adapter("Image", "image", {IMAGES + "1": short, IMAGES + "1/versions/7": LATEST})
    live = run(img.read(Listed(1, "img"), None))
    assert live.values["spec"]["buildDetails"] == {"source": "upload", "context": "."}
    assert len(api.asked) == 2
    img, _ = adapter("Image", "image", {IMAGES + "1": short})
    assert "buildDetails" not in run(img.read(Listed(1, "img"), None)).values["spec"]


def test_a_fixed_version_is_found_exactly_or_the_latest_is_told() -> None:
    old = {"id": 5, "version": "0.9.0", "status": "ready", "buildDetails": {}}
    near = {"id": 6, "version": "0.9.0-rc1", "status": "ready", "buildDetails": {}}
    answers = {IMAGES + "1": IMAGE, IMAGES + "1/versions": [near, old]}
    img, api = adapter("Image", "image", answers)
    live = run(img.read(Listed(1, "img"), resource("Image", "img", {"version": "0.9.0"})))
    assert (live.version, live.latest, live.attributes["version"]) == ("0.9.0", "1.0.0", 5)
    assert api.asked[1][2] == (("searchTerm", "0.9.0"),)
    live = run(img.read(Listed(1, "img"), resource("Image", "img", {"version": "2.0.0"})))
    assert live.version == "1.0.0"


@pytest.mark.parametrize(
    ("status", "build", "state"),
    [
        ("not-ready", "building", State.PENDING),
        ("not-ready", "failed", State.FAILED),
        ("not-ready", "stopped", State.FAILED),
        ("not-ready", "", State.PENDING),
        ("ready", "failed", State.READY),
        ("", "success", State.READY),
        ("deleting", "success", State.PENDING),
        ("odd", "success", State.PENDING),
    ],
)
def test_a_version_that_is_not_ready_is_told_by_its_build(
    status: str, build: str, state: State
) -> None:
    version = {**LATEST, "status": status, "lastBuildStatus": build}
    img, _ = adapter("Image", "image", {IMAGES + "1": {**IMAGE, "latestVersion": version}})
    assert run(img.read(Listed(1, "img"), None)).state is state


def test_an_image_without_any_version_says_so_and_global_ones_are_not_ours() -> None:
    bare = {"id": 1, "name": "img", "scope": "global", "latestVersion": None}
    img, _ = adapter("Image", "image", {IMAGES + "1": bare, IMAGES: [bare]})
    live = run(img.read(Listed(1, "img"), None))
    assert (live.version, live.foreign) == (None, "part of the platform")
    assert live.notes == ("no version of it is on the platform",)
    (listed,) = run(img.index())
    assert not listed.ours


def test_the_newest_ready_version_is_found_by_number_and_not_by_place() -> None:
    versions = [
        {"id": 4, "version": "0.10.0", "status": "ready"},
        {"id": 5, "version": "0.9.0", "status": "in-use"},
        {"id": 6, "version": "0.11.0", "status": "not-ready"},
        {"id": "x", "version": "odd", "status": "ready"},
    ]
    img, api = adapter("Image", "image", {IMAGES + "1/versions": versions})
    building = Listed(1, "img", {"latestVersion": {"id": 6, "status": "not-ready"}})
    assert run(img.pin(building, None)) == {"id": 1, "version": 4, "number": "0.10.0"}
    assert run(img.pin(Listed(1, "img"), "0.9.0")) == {"id": 1, "version": 5, "number": "0.9.0"}
    assert run(img.pin(Listed(1, "img"), "0.8.0")) is None
    asked = len(api.asked)
    assert run(img.pin(Listed(1, "img", IMAGE), None)) == {"id": 1, "version": 7, "number": "1.0.0"}
    assert run(img.pin(Listed(1, "img", IMAGE), "1.0.0")) == {
        "id": 1,
        "version": 7,
        "number": "1.0.0",
    }
    assert len(api.asked) == asked


WATCH = {"path": IMAGES + "1/versions/7", "image": 1, "versionId": 7, "buildId": "9"}
BUILD = CallResult(Key("Image", "img"), 1, watch=WATCH)


@pytest.mark.parametrize(
    ("builds", "state"),
    [
        ([{"buildId": 8, "status": "failed"}, {"buildId": 9, "status": "building"}], State.PENDING),
        ([{"buildId": 9, "status": "failed"}], State.FAILED),
        ([{"buildId": 9, "status": "success"}], State.FAILED),
        ([], State.FAILED),
    ],
)
def test_a_failure_counts_only_when_it_is_of_the_very_build(
    builds: list[Tree], state: State
) -> None:
    failed = {**LATEST, "status": "not-ready", "lastBuildStatus": "failed"}
    answers = {WATCH["path"]: failed, IMAGES + "1/builds": builds}
    img, api = adapter("Image", "image", answers)
    assert run(img.poll(BUILD)).state is state
    assert api.asked[1][2] == (("count", "-1"), ("versions", "7"))


def test_a_failure_without_a_build_id_and_a_ready_version_need_no_second_look() -> None:
    failed = {**LATEST, "status": "not-ready", "lastBuildStatus": "failed"}
    img, api = adapter("Image", "image", {str(WATCH["path"]): failed})
    watch = {k: v for k, v in WATCH.items() if k != "buildId"}
    unknown = CallResult(Key("Image", "img"), 1, watch=watch)
    assert run(img.poll(unknown)).state is State.FAILED
    assert run(img.explain(unknown)) == Failure()
    assert len(api.asked) == 1


def test_the_end_of_a_build_log_is_cleaned_and_follows_its_pages() -> None:
    path = IMAGES + "1/builds/9/logs"
    first = {"logs": [{"message": f"line {n}"} for n in range(30)], "nextToken": "t1"}
    second = {"logs": [{"message": "\x1b[31mred\x1b[0m\tx\x07\nlast\u202e "}], "nextToken": "t1"}
    img, api = adapter("Image", "image", {path: [(first,), (second,)]})
    lines = run(img.explain(BUILD)).log
    assert lines[-2:] == ("red    x", "last")
    assert (len(lines), lines[0]) == (20, "line 12")
    assert api.asked[1][2] == (("nextToken", "t1"),)


def test_a_log_is_read_part_by_part() -> None:
    path = IMAGES + "1/builds/9/logs"
    first = {"logs": [{"message": "a\nb"}], "nextToken": "t1"}
    img, api = adapter("Image", "image", {path: [(first,), ({},)]})
    assert run(img.log_page(BUILD, None)) == LogPage(("a", "b"), "t1")
    assert run(img.log_page(BUILD, "t1")) == LogPage((), "t1")
    assert [asked[2] for asked in api.asked] == [(), (("nextToken", "t1"),)]
    assert run(img.log_page(CallResult(Key("Image", "img"), 1), None)) == LogPage()
    svc, api = adapter("Service", "service", {})
    assert (run(svc.log_page(BUILD, None)), api.asked) == (LogPage(), [])


@pytest.mark.parametrize("page", [{}, {"logs": [], "nextToken": "t"}, refusal(404)])
def test_a_build_may_have_no_log(page: object) -> None:
    img, _ = adapter("Image", "image", {IMAGES + "1/builds/9/logs": page})
    assert run(img.explain(BUILD)).log == ()


def test_a_log_without_an_end_is_left_and_one_that_cannot_be_read_is_an_error() -> None:
    path = IMAGES + "1/builds/9/logs"
    pages = [({"logs": [{"message": "x"}], "nextToken": str(n)},) for n in range(60)]
    img, api = adapter("Image", "image", {path: pages})
    run(img.explain(BUILD))
    assert len(api.asked) == 50
    img, _ = adapter("Image", "image", {path: refusal(500)})
    with pytest.raises(ApiError):
        run(img.explain(BUILD))


# --- specs -----

STEP = {
    "imageName": "img",
    "imageVersion": "1.0.0",
    "imageDetails": {"id": 1, "versionId": 7},
    "command": "true",
    "stepTimeout": None,
    "parameters": {"env": [{"A": "1"}, {"B": "2"}, "odd"], "secrets": []},
    "repository": {"url": "u", "branch": "b", "token": ""},
}
SHAPED_STEP = {
    "imageDetails": {"id": 1, "versionId": 7},
    "command": "true",
    "parameters": {"env": {"A": "1", "B": "2"}, "secrets": []},
    "repository": {"url": "u", "branch": "b"},
}
CONFIG = {"steps": {"one": STEP, "odd": "x"}, "triggers": [{"webhook": "w-1"}, "odd"]}
SHAPED_CONFIG = {"steps": {"one": SHAPED_STEP, "odd": "x"}, "triggers": [{"webhook": True}, "odd"]}
BLOCK = {
    "id": "b",
    "kind": "app",
    "featured": True,
    "scope": "private",
    "metadata": {"name": "blk", "summary": "s", "title": None, "status": "available"},
    "latestRelease": {"version": "1.1.0", "config": CONFIG},
    "parameters": {"build": [], "run": []},
}
RELEASE = {
    "id": "r",
    "notes": add_digest("Notes", DIGEST),
    "config": CONFIG,
    "artifact": {"id": "a", "version": 2},
    "autoRunOnDeploy": True,
    "parameters": {"run": [{"name": "p"}]},
}


def test_a_block_spec_is_read_with_its_release() -> None:
    answers = {BLOCK_SPECS + "b": BLOCK, BLOCK_SPECS + "b/releases/1.1.0": RELEASE}
    spec, api = adapter("BlockSpec", "block_spec", answers)
    listed = Listed("b", "blk", {"latestRelease": {"version": "1.1.0"}})
    live = run(spec.read(listed, resource("BlockSpec", "blk", folder=True)))
    assert live.values["spec"] == {
        "version": 1,
        "scope": "private",
        "featured": True,
        "autoRunOnDeploy": True,
        "parameters": {"run": [{"name": "p"}]},
        "config": SHAPED_CONFIG,
        "release": {"version": "1.1.0", "notes": "Notes"},
        "artifact": {"digest": DIGEST},
    }
    assert live.values["metadata"] == {"name": "blk", "summary": "s", "status": "available"}
    assert (live.version, live.attributes) == ("1.1.0", {"id": "b", "version": "1.1.0"})
    assert len(api.asked) == 2


def test_the_files_of_a_release_are_those_of_the_artifact_that_it_holds() -> None:
    answers = {BLOCK_SPECS + "b": BLOCK, BLOCK_SPECS + "b/releases/1.1.0": RELEASE}
    spec, api = adapter("BlockSpec", "block_spec", answers)
    live = run(spec.read(Listed("b", "blk"), resource("BlockSpec", "blk", folder=True)))
    assert run(spec.files(live)) is None, "the artifact is gone"
    answers[ARTIFACTS + "a/2/download"] = zipped("Dockerfile", "../outside", "Dockerfile")
    assert run(spec.files(live)) == files_of_zip(zipped())
    assert len(api.asked) == 4
    answers[ARTIFACTS + "a/2/download"] = b"no zip"
    with pytest.raises(PeakctlError, match="not a readable zip"):
        run(spec.files(live))
    for held in (None, {"id": "a"}, {"version": 2}, {"id": "", "version": 2}):
        answers[BLOCK_SPECS + "b/releases/1.1.0"] = {**RELEASE, "artifact": held}
        live = run(spec.read(Listed("b", "blk"), None))
        assert run(spec.files(live)) is None
    assert len(api.asked) == 5 + 4 * 2


def test_a_release_without_a_digest_line_is_downloaded() -> None:
    answers = {
        BLOCK_SPECS + "b": {**BLOCK, "kind": "workflow"},
        BLOCK_SPECS + "b/releases/1.1.0": {**RELEASE, "notes": "Notes"},
        ARTIFACTS + "a/2/download": zipped(),
    }
    spec, api = adapter("BlockSpec", "block_spec", answers)
    live = run(spec.read(Listed("b", "blk"), resource("BlockSpec", "blk", folder=True)))
    assert live.values["spec"]["artifact"] == {"digest": digest_of_zip(zipped())}
    assert live.values["spec"]["kind"] == "workflow"
    asked = len(api.asked)
    assert run(spec.files(live)) == files_of_zip(zipped())
    assert len(api.asked) == asked, "they are at hand"
    answers[BLOCK_SPECS + "b/releases/1.1.0"] = {"config": CONFIG}
    live = run(spec.read(Listed("b", "blk"), resource("BlockSpec", "blk", folder=True)))
    assert "artifact" not in live.values["spec"]
    live = run(spec.read(Listed("b", "blk"), None))
    assert live.values["spec"]["release"] == {"version": "1.1.0"}
    assert live.values["spec"]["parameters"] == {"build": [], "run": []}


def test_a_fixed_release_is_told_and_one_that_is_not_there_is_not() -> None:
    old = {"config": {}, "notes": "Old", "autoRunOnDeploy": False}
    answers = {
        BLOCK_SPECS + "b": BLOCK,
        BLOCK_SPECS + "b/releases/1.1.0": RELEASE,
        BLOCK_SPECS + "b/releases/1.0.0": old,
    }
    spec, _ = adapter("BlockSpec", "block_spec", answers)
    fixed = resource("BlockSpec", "blk", {"release": {"version": "1.0.0"}})
    live = run(spec.read(Listed("b", "blk"), fixed))
    assert (live.version, live.latest) == ("1.0.0", "1.1.0")
    assert live.values["spec"]["release"] == {"version": "1.0.0", "notes": "Old"}
    missing = resource("BlockSpec", "blk", {"release": {"version": "2.0.0"}})
    assert run(spec.read(Listed("b", "blk"), missing)).version == "1.1.0"


def test_a_listing_that_is_older_than_the_spec_is_corrected() -> None:
    answers = {
        BLOCK_SPECS + "b": BLOCK,
        BLOCK_SPECS + "b/releases/1.0.0": {"config": {"steps": {}}},
        BLOCK_SPECS + "b/releases/1.1.0": RELEASE,
    }
    spec, _ = adapter("BlockSpec", "block_spec", answers)
    listed = Listed("b", "blk", {"latestRelease": {"version": "1.0.0"}})
    live = run(spec.read(listed, resource("BlockSpec", "blk")))
    assert (live.version, live.values["spec"]["config"]) == ("1.1.0", SHAPED_CONFIG)


def test_a_service_block_has_its_environment_as_one_map_and_may_show_no_release() -> None:
    config = {"serviceType": "api", "parameters": {"env": [{"A": "1"}]}}
    answers = {BLOCK_SPECS + "b": {"id": "b", "kind": "service", "latestRelease": {}}}
    spec, _ = adapter("BlockSpec", "block_spec", answers)
    live = run(spec.read(Listed("b", "blk"), None))
    assert live.values["spec"] == {"version": 1, "kind": "service", "release": {}}
    latest: Tree = {"version": "1.0.0", "config": config}
    answers[BLOCK_SPECS + "b"]["latestRelease"] = latest
    latest["config"] = ["odd"]
    assert run(spec.read(Listed("b", "blk"), None)).values["spec"]["config"] == ["odd"]
    latest["config"] = config
    live = run(spec.read(Listed("b", "blk"), None))
    assert live.values["spec"]["config"]["parameters"] == {"env": {"A": "1"}}


def test_a_build_parameter_in_place_of_a_webhook_is_not_taken_for_its_id() -> None:
    triggers = [{"webhook": "@param:hook"}, {"webhook": "3f0c"}]
    release: Tree = {"version": "1.0.0", "config": {"steps": {}, "triggers": triggers}}
    answers = {BLOCK_SPECS + "b": {"id": "b", "kind": "workflow", "latestRelease": release}}
    spec, _ = adapter("BlockSpec", "block_spec", answers)
    live = run(spec.read(Listed("b", "blk"), None))
    shown = live.values["spec"]["config"]["triggers"]
    assert shown == [{"webhook": "@param:hook"}, {"webhook": True}]


APP_CONFIG = [{"id": "b", "release": {"version": "1.0.0"}, "autoRunOnDeploy": None}]
APP: Tree = {
    "id": "a",
    "kind": "app",
    "metadata": {"name": "app", "summary": "s"},
    "latestRelease": {"version": "1.0.0", "config": APP_CONFIG, "notes": "N"},
}


def test_an_app_spec_is_read_in_one_request_when_its_release_is_shown() -> None:
    spec, api = adapter("AppSpec", "app_spec", {APP_SPECS + "a": APP})
    live = run(spec.read(Listed("a", "app"), resource("AppSpec", "app")))
    assert live.values["spec"] == {
        "version": 1,
        "kind": "app",
        "config": [{"id": "b", "release": {"version": "1.0.0"}}],
        "release": {"version": "1.0.0", "notes": "N"},
    }
    assert len(api.asked) == 1


def test_an_app_spec_asks_for_the_release_when_something_of_it_is_missing() -> None:
    release = {"config": APP_CONFIG, "parameters": {"run": []}, "notes": None}
    answers = {APP_SPECS + "a": APP, APP_SPECS + "a/releases/1.0.0": release}
    spec, _ = adapter("AppSpec", "app_spec", answers)
    declared = resource("AppSpec", "app", {"parameters": {"run": [{"name": "p"}]}})
    assert run(spec.read(Listed("a", "app"), declared)).values["spec"]["parameters"] == {"run": []}
    answers[APP_SPECS + "a"] = {**APP, "latestRelease": {"version": "1.0.0"}}
    live = run(spec.read(Listed("a", "app"), resource("AppSpec", "app")))
    assert live.values["spec"]["config"][0]["id"] == "b"


def test_a_fixed_release_of_an_app_is_told_where_it_exists() -> None:
    old = {"config": [], "notes": "Old"}
    answers = {APP_SPECS + "a": APP, APP_SPECS + "a/releases/0.9.0": old}
    spec, _ = adapter("AppSpec", "app_spec", answers)
    fixed = resource("AppSpec", "app", {"release": {"version": "0.9.0"}})
    live = run(spec.read(Listed("a", "app"), fixed))
    assert (live.version, live.values["spec"]["config"]) == ("0.9.0", [])
    missing = resource("AppSpec", "app", {"release": {"version": "3.0.0"}})
    assert run(spec.read(Listed("a", "app"), missing)).version == "1.0.0"


def test_a_release_is_pinned_by_the_listing_or_by_looking() -> None:
    spec, api = adapter("BlockSpec", "block_spec", {BLOCK_SPECS + "b/releases/1.0.0": RELEASE})
    listed = Listed("b", "blk", {"latestRelease": {"version": "1.1.0"}})
    assert run(spec.pin(listed, None)) == {"id": "b", "version": "1.1.0"}
    assert run(spec.pin(listed, "1.1.0")) == {"id": "b", "version": "1.1.0"}
    assert api.asked == []
    assert run(spec.pin(listed, "1.0.0")) == {"id": "b", "version": "1.0.0"}
    assert run(spec.pin(listed, "5.0.0")) is None
    assert run(spec.pin(Listed("b", "blk"), None)) is None


# --- deployments -----

DEPLOYMENT: Tree = {
    "id": "d",
    "kind": "workflow",
    "metadata": {"name": "dep", "title": "T", "status": "deployed"},
    "spec": {"id": "b", "release": {"version": "1.0.0"}},
    "latestRevision": {
        "revision": 2,
        "status": "deployed",
        "notes": "N",
        "resources": [{"kind": "workflow", "name": "wf"}],
    },
}
VALUES = {"build": {"cmd": "x"}, "run": {"agg": "OLD"}}
RUN = "press/v1/deployments/d/parameters/run"
GIVES = {"blockSpec": {"id": "b"}, "parameters": {"run": {"agg": "AVG"}}}
BLOCK_ITEM = {"family": "blocks"}
APP_ITEM = {"family": "apps"}


def test_a_block_deployment_takes_run_values_from_where_they_are_in_force() -> None:
    answers = {BLOCKS + "d": {**DEPLOYMENT, "parameters": VALUES}, RUN: {"agg": "NEW"}}
    dep, api = adapter("Deployment", "deployment", answers)
    live = run(dep.read(Listed("d", "dep", BLOCK_ITEM), resource("Deployment", "dep", GIVES)))
    assert live.values == {
        "metadata": {"name": "dep", "title": "T"},
        "spec": {
            "blockSpec": {"id": "b", "release": {"version": "1.0.0"}},
            "revision": {"notes": "N"},
            "parameters": {"build": {"cmd": "x"}, "run": {"agg": "NEW"}},
        },
    }
    assert (live.version, live.latest, live.status, live.foreign) == (
        "1.0.0",
        "2",
        "deployed",
        None,
    )
    assert live.private == {
        "family": "blocks",
        "revision": 2,
        "resources": [{"kind": "workflow", "name": "wf"}],
    }
    assert len(api.asked) == 3  # the release that is deployed, for what it hides


def test_run_values_that_cannot_be_read_are_those_of_the_answer() -> None:
    answers = {BLOCKS + "d": {**DEPLOYMENT, "parameters": VALUES}}
    dep, api = adapter("Deployment", "deployment", answers)
    live = run(dep.read(Listed("d", "dep", BLOCK_ITEM), resource("Deployment", "dep", GIVES)))
    assert live.values["spec"]["parameters"] == VALUES
    bare = resource("Deployment", "dep", {"blockSpec": {"id": "b"}})
    run(dep.read(Listed("d", "dep", BLOCK_ITEM), bare))
    assert len(api.asked) == 4  # the release is asked for once


def test_an_answer_without_parameters_is_completed_by_its_revision() -> None:
    revision = {"spec": DEPLOYMENT["spec"], "parameters": {"blk": VALUES, "other": {}}}
    answers = {
        APPS + "d": {**DEPLOYMENT, "kind": "app", "spec": {"id": "a"}},
        APPS + "d/revisions/2": revision,
        RUN: {"parameters": {"blk": {"agg": "NEW"}, "odd": 1}, "appParameters": {"p": 1}},
    }
    dep, _ = adapter("Deployment", "deployment", answers)
    live = run(dep.read(Listed("d", "dep", APP_ITEM), None))
    assert live.values["spec"] == {
        "appSpec": {"id": "a", "release": {"version": "1.0.0"}},
        "revision": {"notes": "N"},
        "parameters": {"blk": {"build": {"cmd": "x"}, "run": {"agg": "NEW"}}, "other": {}},
        "appParameters": {"run": {"p": 1}},
    }


@pytest.mark.parametrize(
    "shown",
    [
        {"blk": {"agg": "NEW"}},
        {"blk": {"run": {"agg": "NEW"}}},
        {"parameters": {"blk": {"run": {"agg": "NEW"}, "build": {}}}},
    ],
)
def test_run_values_of_an_app_are_understood_in_any_likely_shape(shown: Tree) -> None:
    answers = {APPS + "d": {**DEPLOYMENT, "parameters": {}}, RUN: shown}
    dep, _ = adapter("Deployment", "deployment", answers)
    live = run(dep.read(Listed("d", "dep", APP_ITEM), None))
    assert live.values["spec"]["parameters"]["blk"]["run"] == {"agg": "NEW"}


def test_an_app_that_has_no_values_shows_none_and_a_bare_answer_is_enough() -> None:
    dep, _ = adapter("Deployment", "deployment", {APPS + "d": {"id": "d"}, RUN: {}})
    live = run(dep.read(Listed("d", "dep", APP_ITEM), None))
    assert live.values == {"metadata": {}, "spec": {"appSpec": {}}}
    assert (live.version, live.latest, live.state) == (None, None, State.READY)


@pytest.mark.parametrize("parent", [{"id": "p"}, "p"])
def test_a_block_of_an_app_is_not_ours(parent: object) -> None:
    answers = {BLOCKS + "d": {**DEPLOYMENT, "parameters": VALUES, "parent": parent}}
    dep, _ = adapter("Deployment", "deployment", answers)
    live = run(dep.read(Listed("d", "dep", BLOCK_ITEM), None))
    assert live.foreign == "part of app deployment p"


def test_only_the_listings_that_can_hold_a_resource_are_read() -> None:
    item = {"id": "d", "metadata": {"name": "dep"}}
    dep, api = adapter("Deployment", "deployment", {BLOCKS: [item], APPS: []})
    of_block = resource("Deployment", "dep", {"blockSpec": {"id": "b"}})
    (found,) = run(dep.index([of_block, resource("Service", "x")]))
    assert (found.name, found.item["family"]) == ("dep", "blocks")
    assert [path for _, path, _ in api.asked] == [BLOCKS]
    run(dep.index())
    assert {path for _, path, _ in api.asked[1:]} == {BLOCKS, APPS}
    assert run(dep.find("dep")) == (found,)
    assert api.asked[-1][2] == (("name", "dep"),)


def deployed(number: int | None, metadata: str, revision: str) -> Tree:
    latest = {"revision": number, "status": revision}
    return {"id": "d", "metadata": {"status": metadata}, "latestRevision": latest}


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (deployed(2, "deployed", "deployed"), State.READY),
        (deployed(2, "deploying", "deploying"), State.PENDING),
        (deployed(2, "deployed", "deploying"), State.PENDING),
        (deployed(2, "redeploying", "failed"), State.PENDING),
        (deployed(2, "updating", ""), State.PENDING),
        (deployed(2, "warning", "deployed"), State.WARNING),
        (deployed(2, "failed", "failed"), State.FAILED),
        (deployed(2, "rollback_complete", "rollback_complete"), State.STUCK),
        (deployed(1, "deployed", "deployed"), State.PENDING),
        (deployed(3, "deployed", "deployed"), State.FAILED),
        (deployed(None, "deployed", ""), State.READY),
        (deployed(2, "", "failed"), State.FAILED),
        (deployed(2, "brand-new", "deployed"), State.PENDING),
    ],
)
def test_a_deployment_is_ready_when_the_very_revision_is(answer: Tree, state: State) -> None:
    dep, _ = adapter("Deployment", "deployment", {BLOCKS + "d": answer})
    watch = {"path": BLOCKS + "d", "revision": 2}
    assert run(dep.poll(CallResult(Key("Deployment", "dep"), "d", watch=watch))).state is state


# --- services, webapps, workflows -----


def test_a_service_is_read_in_one_request_whatever_it_shows() -> None:
    full = {
        "id": "s",
        "name": "svc",
        "status": "AVAILABLE",
        "serviceType": "api",
        "imageDetails": {"imageId": 1, "versionId": 7},
        "resources": {"instanceTypeId": 43},
        "parameters": {"env": [{"A": "1"}], "secrets": []},
        "sessionStickiness": False,
        "entrypoint": None,
        "minInstances": 1,
        "tags": [{"name": "t"}],
        "applicationUrl": "https://x",
    }
    svc, api = adapter("Service", "service", {WEBAPPS + "s": full})
    live = run(svc.read(Listed("s", "svc"), None))
    assert live.values == {
        "metadata": {"name": "svc"},
        "spec": {
            "serviceType": "api",
            "imageDetails": {"imageId": 1, "versionId": 7},
            "resources": {"instanceTypeId": 43},
            "parameters": {"env": {"A": "1"}, "secrets": []},
            "sessionStickiness": False,
            "entrypoint": None,
            "minInstances": 1,
        },
    }
    assert (live.state, len(api.asked)) == (State.READY, 1)


def test_a_reference_to_a_service_receives_the_sort_that_decides_how_it_is_redeployed() -> None:
    svc, _ = adapter("Service", "service", {WEBAPPS + "s": {"id": "s", "name": "svc"}})
    of_api = Listed("s", "svc", {"serviceType": "api"})
    assert run(svc.pin(of_api, None)) == {"id": "s", "word": "api"}
    assert run(svc.read(of_api, None)).attributes == {"id": "s", "word": "api"}
    assert run(svc.pin(Listed("s", "svc"), None)) == {"id": "s", "word": "web-app"}


def test_services_are_asked_for_as_such_and_webapps_are_told_apart() -> None:
    items = [
        {"id": 1, "name": "web", "serviceType": "web-app"},
        {"id": 2, "name": "api", "serviceType": "api"},
        {"id": 3, "name": "old"},
        {"id": 4, "name": "svc", "featureType": "services"},
    ]
    svc, api = adapter("Service", "service", {WEBAPPS: items})
    assert len(run(svc.index())) == 4
    assert api.asked[0][2] == (("featureType", "services"),)
    web, api = adapter("Webapp", "webapp", {WEBAPPS: items})
    assert [found.name for found in run(web.index())] == ["web", "old"]
    assert api.asked[0][2] == ()
    assert [found.id for found in run(web.find("old"))] == [3]
    assert api.asked[1][2] == (("searchTerm", "old"),)


def test_artifacts_are_looked_up_in_the_whole_listing() -> None:
    art, api = adapter("Artifact", "artifact", {ARTIFACTS: [{"id": "a", "name": "art"}]})
    assert [found.id for found in run(art.find("art"))] == ["a"]
    assert api.asked[0][2] == ()


def test_a_workflow_is_read_in_manifest_shape() -> None:
    described = {
        "id": 9,
        "name": "wf",
        "status": "Available",
        "tags": [{"name": "t"}],
        "steps": {"one": {**STEP, "parameters": None}, "odd": "x"},
        "triggers": [{"cron": "0 2 * * *", "scheduled": True}, {"webhook": "w-1"}, {"odd": 1}],
        "watchers": None,
        "retryOptions": {"duration": 5, "exitCodes": None},
        "metadata": {"allowConcurrentExecution": True},
        "lastExecution": {},
    }
    flow, api = adapter("Workflow", "workflow", {WORKFLOWS + "9": described})
    live = run(flow.read(Listed(9, "wf"), None))
    step = {k: v for k, v in SHAPED_STEP.items() if k != "parameters"}
    assert live.values == {
        "metadata": {"name": "wf", "tags": [{"name": "t"}]},
        "spec": {
            "metadata": {"allowConcurrentExecution": True},
            "triggers": [{"cron": "0 2 * * *"}, {"webhook": True}, {"odd": 1}],
            "watchers": None,
            "retryOptions": {"duration": 5},
            "steps": {"one": step, "odd": "x"},
        },
    }
    assert live.private == {"webhooks": ["w-1"]}
    assert len(api.asked) == 1
    described["triggers"] = [{"webhook": True}, {"webhook": None}]
    live = run(flow.read(Listed(9, "wf"), None))
    assert live.private == {"webhooks": [""]}, "one that is shown as it was sent keeps its id too"


def test_as_many_webhooks_are_kept_as_there_are() -> None:
    flow, api = adapter("Workflow", "workflow", {WORKFLOWS + "9": {}})
    hooks = [{"cron": "0 2 * * *"}, {"webhook": True}, {"webhook": True}, "odd"]
    live = Live(Key("Workflow", "wf"), 9, {}, private={"webhooks": ["w-1"]})
    desired: Tree = {"metadata": {"name": "wf"}, "spec": {"triggers": hooks, "steps": {}}}
    run(flow.call(CallRequest(Step.UPDATE, live.key, desired, live=live)))
    kept = {"webhook": True, "webhookPolicy": "preserve"}
    assert api.sent[0]["triggers"] == [hooks[0], kept, {"webhook": True}, "odd"]
    del desired["spec"]["triggers"]
    run(flow.call(CallRequest(Step.UPDATE, live.key, desired, live=live)))
    assert "triggers" not in api.sent[1]


# --- instance types -----

OPTIONS = "service/quota/api/v1/settings/tenant-instance-options"


def test_instance_types_are_asked_for_in_the_scopes_that_are_named() -> None:
    types, api = adapter(
        "InstanceType", "instance_type", {OPTIONS: {"data": [{"id": 21, "name": "P"}]}}
    )
    reference = Reference(
        ("spec", "x"), ("InstanceType",), "P", None, ("spec", "y"), None, scope="workflow"
    )
    other = Reference(("spec", "z"), ("Image",), "i", None, ("spec", "w"), None, scope="webapp")
    asking = resource("Workflow", "wf")
    asking = Resource(asking.key, asking.values, asking.document, (reference, other))
    (found,) = run(types.index([asking]))
    assert (found.id, found.name, found.item["scope"], found.ours) == (21, "P", "workflow", False)
    assert api.asked == [("GET", OPTIONS, (("entityType", "workflow"),))]
    assert run(types.pin(found, None)) == {"id": 21}
    assert len(run(types.find("P"))) == 5
    assert run(types.index([resource("Workflow", "wf")])) == ()


# --- what all share -----


def service_live(**more: Any) -> Live:
    return Live(Key("Service", "svc"), "s", {"metadata": {}, "spec": {}}, **more)


def test_nothing_to_watch_is_ready_and_what_is_gone_is_gone() -> None:
    svc, _ = adapter("Service", "service", {})
    key = Key("Service", "svc")
    assert run(svc.poll(CallResult(key, "s"))).state is State.READY
    assert run(svc.poll(CallResult(key, "s", watch={"path": WEBAPPS + "s"}))).state is State.GONE


def test_a_word_that_nobody_knows_is_pending_and_named() -> None:
    svc, _ = adapter("Service", "service", {WEBAPPS + "s": {"status": "PONDERING"}})
    watch = {"path": WEBAPPS + "s"}
    reading = run(svc.poll(CallResult(Key("Service", "svc"), "s", watch=watch)))
    assert (reading.state, "PONDERING" in reading.message) == (State.PENDING, True)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("DELETING", State.PENDING),
        ("AVAILABLE", State.PENDING),
        ("DELETE_FAILED", State.FAILED),
        ("delete-failed", State.FAILED),
    ],
)
def test_a_deletion_is_under_way_until_it_is_gone_or_refused(status: str, state: State) -> None:
    svc, _ = adapter("Service", "service", {WEBAPPS + "s": {"status": status}})
    watch = {"path": WEBAPPS + "s", "gone": True}
    assert run(svc.poll(CallResult(Key("Service", "svc"), "s", watch=watch))).state is state


def test_a_deletion_of_what_is_gone_succeeds_and_a_refused_one_does_not() -> None:
    svc, _ = adapter("Service", "service", {})
    order = CallRequest(Step.DELETE, Key("Service", "svc"), {}, live=service_live())
    assert run(svc.call(order)).watch == {"path": WEBAPPS + "s", "gone": True}
    svc, _ = adapter("Service", "service", {WEBAPPS + "s": refusal(409)})
    with pytest.raises(ApiError):
        run(svc.call(order))


def test_waiting_sends_nothing_and_watches_what_is_live() -> None:
    cases = [
        ("Service", "service", "s", {}, {"path": WEBAPPS + "s"}),
        ("Artifact", "artifact", "a", {}, None),
        (
            "Image",
            "image",
            1,
            {"versionId": 7, "buildId": "9"},
            WATCH,
        ),
        (
            "Deployment",
            "deployment",
            "d",
            {"family": "apps", "revision": 4},
            {"path": APPS + "d", "revision": 4},
        ),
    ]
    for kind, module, id_, private, watch in cases:
        found, api = adapter(kind, module, {})
        live = Live(Key(kind, "x"), id_, {}, private=private, attributes={"id": id_})
        receipt = run(found.call(CallRequest(Step.WAIT, live.key, {}, live=live)))
        assert (receipt.watch, receipt.attributes, api.asked) == (watch, {"id": id_}, [])


def test_orders_that_make_no_sense_are_refused() -> None:
    svc, _ = adapter("Service", "service", {})
    with pytest.raises(ValueError, match="no create-release call"):
        run(svc.call(CallRequest(Step.CREATE_RELEASE, Key("Service", "svc"), {})))
    with pytest.raises(ValueError, match="needs a live resource"):
        run(svc.call(CallRequest(Step.UPDATE, Key("Service", "svc"), {})))


@pytest.mark.parametrize("answer", [{}, {"id": None}, ["odd"]])
def test_a_create_that_answers_no_id_is_in_doubt(answer: object) -> None:
    svc, _ = adapter("Service", "service", {WEBAPPS: answer})
    with pytest.raises(ApiError) as caught:
        run(
            svc.call(CallRequest(Step.CREATE, Key("Service", "svc"), {"metadata": {"name": "svc"}}))
        )
    assert caught.value.doubtful


def test_an_error_that_is_no_404_is_not_swallowed_and_a_list_is_no_answer() -> None:
    svc, _ = adapter("Service", "service", {WEBAPPS + "s": refusal(500)})
    with pytest.raises(ApiError):
        run(svc.read(Listed("s", "svc"), None))
    svc, _ = adapter("Service", "service", {WEBAPPS + "s": ["odd"]})
    assert run(svc.read(Listed("s", "svc"), None)).values == {"metadata": {}, "spec": {}}


def test_ids_are_quoted_in_paths() -> None:
    svc, _ = adapter("Service", "service", {})
    assert isinstance(svc, Rest)
    assert svc.at("a/b", "1.0.0+x") == WEBAPPS + "a%2Fb/1.0.0%2Bx"


def test_tenants_go_with_the_scope_that_has_them_and_leave_with_it() -> None:
    spec, api = adapter("BlockSpec", "block_spec", {BLOCK_SPECS + "b": {}})
    shared = {"scope": "shared", "tenants": ["t"]}
    key = Key("BlockSpec", "blk")
    scope = Change(("spec", "scope"), "private", "shared", "edit")
    live = Live(key, "b", {"spec": {"scope": "private", "tenants": ["t"]}})
    desired: Tree = {"metadata": {}, "spec": {"kind": "workflow", **shared}}
    run(spec.call(CallRequest(Step.UPDATE_METADATA, key, desired, live, "1.0.0", (scope,))))
    assert api.sent == [shared]
    gone = (
        Change(("spec", "scope"), "shared", "private", "edit"),
        Change(("spec", "tenants"), ["t"], MISSING, "edit"),
    )
    desired = {"metadata": {}, "spec": {"kind": "workflow"}}
    live = Live(key, "b", {"spec": shared})
    run(spec.call(CallRequest(Step.UPDATE_METADATA, key, desired, live, "1.0.0", gone)))
    assert api.sent[1] == {"scope": "private"}


@pytest.mark.parametrize(("detail", "ok"), [("No changes detected", True), ("bad title", False)])
def test_an_edit_that_changes_nothing_is_done(detail: str, ok: bool) -> None:
    spec, _ = adapter("BlockSpec", "block_spec", {BLOCK_SPECS + "b": refusal(422, detail)})
    live = Live(Key("BlockSpec", "blk"), "b", {}, attributes={"id": "b", "version": "1.0.0"})
    order = CallRequest(Step.UPDATE_METADATA, live.key, {"spec": {}}, live=live)
    if ok:
        assert run(spec.call(order)).attributes == {"id": "b", "version": "1.0.0"}
    else:
        with pytest.raises(ApiError):
            run(spec.call(order))


@pytest.mark.parametrize(
    ("step", "before", "waited_for"),
    [
        (Step.CREATE_REVISION, 4, 5),
        (Step.CREATE_REVISION, None, None),
        (Step.REDEPLOY, 4, None),
    ],
)
def test_a_revision_that_is_answered_without_a_number_is_the_next_one(
    step: Step, before: int | None, waited_for: int | None
) -> None:
    answers = {BLOCKS + "d/revisions": {}, BLOCKS + "d/redeploy": {}}
    dep, _ = adapter("Deployment", "deployment", answers)
    key = Key("Deployment", "dep")
    private = {"family": "blocks", "revision": before}
    live = Live(key, "d", {"metadata": {}, "spec": {}}, private=private)
    desired = {"metadata": {"name": "dep"}, "spec": {"blockSpec": {"id": "s"}}}
    receipt = run(dep.call(CallRequest(step, key, desired, live=live)))
    assert receipt.watch is not None
    assert receipt.watch["revision"] == waited_for


# --- what uses a thing, and what is part of it -----


@pytest.mark.parametrize(("kind", "module"), [("BlockSpec", "block_spec"), ("AppSpec", "app_spec")])
def test_deployments_of_a_spec_are_what_uses_it(kind: str, module: str) -> None:
    path = "press/v1/specs/b%2F1/releases/deployments"
    found = [{"id": "d", "metadata": {"name": "one"}}, {"id": "e", "metadata": {}}]
    spec, api = adapter(kind, module, {path: found})
    live = Live(Key(kind, "b"), "b/1", {})
    assert run(spec.dependents(live)) == ("Deployment/one", "Deployment/e")
    assert api.asked == [("PAGES", path, ())]
    api.answers.clear()
    assert run(spec.dependents(live)) == ()
    api.answers[path] = refusal(403)
    with pytest.raises(ApiError):
        run(spec.dependents(live))


def test_what_uses_other_kinds_is_not_asked_for() -> None:
    img, api = adapter("Image", "image", {})
    assert run(img.dependents(Live(Key("Image", "a"), 1, {}))) == ()
    assert api.asked == []


def test_what_the_platform_made_for_a_deployment_is_part_of_it() -> None:
    made = [
        {"kind": "workflow", "name": "w"},
        {"kind": "Service", "name": "s"},
        {"kind": "bucket", "name": "b"},
        "odd",
    ]
    answers = {BLOCKS + "d": {"id": "d", "latestRevision": {"resources": made}}}
    dep, _ = adapter("Deployment", "deployment", answers)
    live = run(dep.read(Listed("d", "dep", BLOCK_ITEM), None))
    assert [str(key) for key in live.parts] == ["Workflow/w", "Service/s", "Webapp/s"]


def digested(number: str, id_: int, digest: str = DIGEST, **more: Any) -> Any:
    text = add_digest("About it", digest)
    return {"id": id_, "version": number, "status": "ready", "description": text, **more}


OTHER = DIGEST[:-1] + ("0" if DIGEST[-1] != "0" else "1")


def test_ready_versions_of_the_very_files_are_read_where_the_newest_has_others() -> None:
    newest = digested("1.0.3", 9, OTHER, buildDetails={})
    found = [
        newest,
        digested("1.0.2", 8, status="deleting"),
        digested("1.0.0", 6),
        digested("1.0.1", 7),
        digested("0.9.0", 5, OTHER),
    ]
    answers = {
        IMAGES + "1": {**IMAGE, "latestVersion": newest},
        IMAGES + "1/versions": found,
        IMAGES + "1/versions/7": {"buildDetails": {"context": "."}},
    }
    img, _ = adapter("Image", "image", answers)
    live = run(img.read(Listed(1, "img"), resource("Image", "img", folder=True)))
    assert live.version == "1.0.3"
    (older,) = live.older  # 1.0.0 is gone since it was listed
    assert (older.version, older.latest, older.attributes) == (
        "1.0.1",
        "1.0.3",
        {"id": 1, "version": 7},
    )


@pytest.mark.parametrize(
    ("digest", "spec"), [(DIGEST, {}), (OTHER, {"version": "1.0.0"})], ids=["same", "fixed"]
)
def test_older_versions_are_not_asked_for_without_need(digest: str, spec: Any) -> None:
    newest = digested("1.0.0", 9, digest, buildDetails={})
    img, api = adapter("Image", "image", {IMAGES + "1": {**IMAGE, "latestVersion": newest}})
    live = run(img.read(Listed(1, "img"), resource("Image", "img", spec, folder=True)))
    assert (live.older, len(api.asked)) == ((), 1)


def test_a_version_of_an_image_is_read_by_its_number() -> None:
    answers = {
        IMAGES + "1/versions": [digested("1.0.0", 6)],
        IMAGES + "1/versions/6": {"buildDetails": {"context": "."}},
    }
    img, _ = adapter("Image", "image", answers)
    live = run(img.read_version(Listed(1, "img", IMAGE), "1.0.0"))
    assert (live.version, live.values["spec"]["artifact"]) == ("1.0.0", {"digest": DIGEST})
    assert run(img.read_version(Listed(1, "img", IMAGE), "1.0.1")) is None
    del answers[IMAGES + "1/versions/6"]
    assert run(img.read_version(Listed(1, "img", IMAGE), "1.0.0")) is None


def test_a_kind_without_versions_has_none_to_read() -> None:
    flow, api = adapter("Workflow", "workflow", {})
    assert run(flow.read_version(Listed(1, "w"), "1")) is None
    assert (flow.numbered, api.asked) == ("", [])
