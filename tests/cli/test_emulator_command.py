"""`peakctl emulator`: data saved, loaded, seeded, read back, over a file and over a socket."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from peakctl.cli import cli

SERVICES = "/service/webapps/api/v1/webapps/"
WORKFLOWS = "/service/workflows/api/v1/workflows/"
ARTIFACTS = "/service/artifacts/api/v1/artifacts/"
WORKFLOW = {"name": "w", "steps": {"a": {"type": "sql", "sqlQueryPath": "q"}}}
SEED = """
tenant: acme
resources:
  - kind: image
    as: img
    body: {name: trainer, type: api, buildDetails: {source: dockerfile, dockerfile: FROM python}}
  - kind: service
    body: {name: api, serviceType: api, imageDetails: {imageId: "${img.imageId}"}}
  - {kind: artifact, as: art, body: {name: files}, artifact: files}
  - {kind: artifact-version, in: {artifact: "${art.id}"}, body: {}, artifact: files.zip}
  - kind: app-spec
    body: {spec: {version: 1, kind: app, metadata: {name: "${img.buildId}", summary: s},
      release: {version: 1.0.0}, config: [{id: "${block.id}", release: {version: 1.0.0}}]}}
"""
BLOCK = """
  - kind: block-spec
    as: block
    body:
      scope: private
      spec: {version: 1, kind: workflow, metadata: {name: b, summary: s},
        release: {version: 1.0.0}, config: {steps: {a: {type: sql, sqlQueryPath: q}}}}
"""


def run(*args: object) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            cli.main([str(arg) for arg in ("emulator", *args)])
        except SystemExit as left:
            return int(left.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def done(*args: object) -> str:
    code, out, err = run(*args)
    assert code == 0, err
    return out


class Serving:
    """`peakctl emulator serve` in a process of its own."""

    def __init__(self, *args: str) -> None:
        command = [sys.executable, "-m", "peakctl", "emulator", "serve", "--port", "0", *args]
        root = str(Path(__file__).parents[2])
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": root, "PYTHONUNBUFFERED": "1"},
        )
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        assert "listening on" in first, self.end()
        self.address = first.split()[-1]
        self.client = httpx.Client(
            base_url=self.address, headers={"Authorization": "t"}, trust_env=False
        )

    def end(self, by: int = signal.SIGKILL) -> tuple[int, str]:
        if hasattr(self, "client"):
            self.client.close()
        self.process.send_signal(by)
        _, err = self.process.communicate(timeout=30)
        return self.process.returncode, err

    def ok(self, method: str, path: str, **more: Any) -> Any:
        answer = self.client.request(method, path, **more)
        assert answer.status_code < 300, answer.text
        return answer.json()


@pytest.fixture
def serve() -> Iterator[Callable[..., Serving]]:
    begun: list[Serving] = []

    def start(*args: str) -> Serving:
        begun.append(Serving(*args))
        return begun[-1]

    yield start
    for each in begun:
        if each.process.poll() is None:
            each.end()


def seed_in(
    folder: Path, text: str = SEED.replace("  - kind: app-spec", BLOCK[1:] + "  - kind: app-spec")
) -> Path:
    (folder / "files").mkdir(exist_ok=True)
    (folder / "files" / "a.txt").write_text("a")
    with zipfile.ZipFile(folder / "files.zip", "w") as archive:
        archive.writestr("b.txt", "b")
    (folder / "seed.yaml").write_text(text)
    return folder / "seed.yaml"


def ask(data: Path, path: str, token: str = "t", **query: Any) -> Any:
    """One read of a data file."""
    import asyncio

    from peakctl.emulator import Emulator, emulator_transport

    emulator = Emulator(data)

    async def go() -> Any:
        async with httpx.AsyncClient(
            transport=emulator_transport(emulator), base_url="http://p"
        ) as client:
            answer = await client.get(path, params=query, headers={"Authorization": token})
            return answer.json()

    try:
        return asyncio.run(go())
    finally:
        emulator.close()


def test_a_seed_makes_its_resources_with_their_builds_done(tmp_path: Path) -> None:
    data = tmp_path / "peak.sqlite"
    out = done("seed", seed_in(tmp_path), "--data", data, "-o", "json")
    made = json.loads(out)["created"]
    kinds = ["image", "service", "artifact", "artifact-version", "block-spec", "app-spec"]
    assert [each["kind"] for each in made] == kinds
    acme = "tenant:acme:x"
    services = ask(data, SERVICES, acme, featureType="services")["services"]
    assert [(each["name"], each["status"]) for each in services] == [("api", "AVAILABLE")]
    assert ask(data, ARTIFACTS + made[2]["answer"]["id"], acme)["versionCount"] == 2
    assert ask(data, ARTIFACTS)["artifactCount"] == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("resources: [{kind: nothing, body: {}}]", r"resources\[0\]\.kind: 'nothing' is not one"),
        ("resources: [{kind: workflow}]", r"resources\[0\]\.body: is required"),
        ("resources: [{kind: workflow, body: {name: a}}]", r"resources\[0\] \(workflow\): steps"),
        ('resources: [{kind: webapp, body: {name: "${x.id}"}}]', r"\$\{x\.id\} is not a field"),
        ("resources: [{kind: image-version, body: {}}]", r"in\.image: is required"),
        ("resources: [{kind: artifact, body: {name: a}, artifact: gone.zip}]", "artifact: "),
        ("resources: 3", "must be a list"),
        ("name: [", ""),
    ],
)
def test_a_wrong_seed_says_where(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "seed.yaml").write_text(text)
    code, _, err = run("seed", tmp_path / "seed.yaml", "--data", tmp_path / "peak.sqlite")
    assert code != 0
    assert re.search(told, err)


def test_a_seed_that_is_not_there(tmp_path: Path) -> None:
    told = run("seed", tmp_path / "no", "--data", tmp_path / "p")[2]
    assert 'no" cannot be read: no such file or directory' in told


def test_a_snapshot_brings_all_tenants_back(tmp_path: Path) -> None:
    data, file = tmp_path / "peak.sqlite", tmp_path / "before.snapshot"
    done("seed", seed_in(tmp_path), "--data", data)
    assert "bytes" in done("snapshot", "save", file, "--data", data)
    done("reset", "--data", data)
    assert ask(data, SERVICES, "tenant:acme:x", featureType="services")["servicesCount"] == 0
    done("snapshot", "load", file, "--data", data)
    assert ask(data, SERVICES, "tenant:acme:x", featureType="services")["servicesCount"] == 1
    other = tmp_path / "other.sqlite"
    done("snapshot", "load", file, "--data", other)
    assert ask(other, SERVICES, "tenant:acme:x", featureType="services")["servicesCount"] == 1


def flipped(snapshot: bytes) -> bytes:
    return snapshot[:-5] + bytes([snapshot[-5] ^ 1]) + snapshot[-4:]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (flipped, "damaged"),
        (lambda found: found[:-20], "damaged"),
        (lambda found: found.replace(b"snapshot 1 ", b"snapshot 7 "), "has format 7"),
        (lambda found: b"buy milk", "not a snapshot"),
        (lambda found: b"", "not a snapshot"),
    ],
    ids=["flipped", "cut", "newer", "text", "empty"],
)
def test_what_is_no_good_snapshot_changes_nothing(
    tmp_path: Path, change: Callable[[bytes], bytes], told: str
) -> None:
    data, file = tmp_path / "peak.sqlite", tmp_path / "one.snapshot"
    done("seed", seed_in(tmp_path), "--data", data)
    done("snapshot", "save", file, "--data", data)
    file.write_bytes(change(file.read_bytes()))
    code, _, err = run("snapshot", "load", file, "--data", data)
    assert (code, told in err) == (1, True)
    assert ask(data, SERVICES, "tenant:acme:x", featureType="services")["servicesCount"] == 1


def test_a_file_that_cannot_be_read_or_written_is_no_traceback(tmp_path: Path) -> None:
    data = tmp_path / "peak.sqlite"
    for args in (("load", tmp_path / "none"), ("save", tmp_path / "none" / "file")):
        code, _, err = run("snapshot", *args, "--data", data)
        assert code != 0
        assert "none" in err
        assert "Traceback" not in err


def test_a_damaged_data_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    data = tmp_path / "peak.sqlite"
    data.write_bytes(b"SQLite format 3\x00" + b"rubbish" * 500)
    before = data.read_bytes()
    for command in ("reset", "requests"):
        code, _, err = run(command, "--data", data)
        assert code == 1
        assert "cannot use" in err
    assert data.read_bytes() == before


def test_the_journal_of_a_file_outlives_its_emulator(tmp_path: Path) -> None:
    data = tmp_path / "peak.sqlite"
    ask(data, WORKFLOWS, pageSize=5)
    assert re.search(
        r"200 +[\d.]+ ms  GET     /service/workflows\S+\?pageSize=5\n",
        done("requests", "--data", data),
    )
    found = json.loads(done("requests", "--data", data, "-o", "json"))["requests"]
    assert [(each["path"], each["status"]) for each in found] == [(WORKFLOWS, 200)]
    done("reset", "--data", data)
    assert "asked nothing" in done("requests", "--data", data)


def test_an_environment_names_its_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "peakctl.yaml").write_text(
        "project: p\nmanifests: [x]\nenvironments:\n  local: {emulator: true}\n  live: {}\n"
    )
    code, _, err = run("requests", "-e", "live")
    assert code != 0
    assert "--endpoint" in err
    assert "emulator-local.sqlite was asked nothing" in done("requests", "-e", "local")


def test_nobody_there_is_an_error() -> None:
    code, _, err = run("requests", "--endpoint", "http://127.0.0.1:9")
    assert code == 1
    assert "does not answer" in err


def test_a_server_is_seeded_saved_reset_and_read_back(tmp_path: Path, serve: Any) -> None:
    server = serve("--service-seconds", "30")
    there = ("--endpoint", server.address)
    file = tmp_path / "a.snapshot"
    assert "6 created" in done("seed", seed_in(tmp_path), *there)
    acme = {"Authorization": "tenant:acme:x"}
    query = {"featureType": "services"}
    found = server.ok("GET", SERVICES, headers=acme, params=query)["services"]
    assert [each["status"] for each in found] == ["AVAILABLE"]
    done("snapshot", "save", file, *there)
    assert SERVICES in done("requests", *there)
    done("reset", *there)
    assert server.ok("GET", SERVICES, headers=acme, params=query)["servicesCount"] == 0
    done("snapshot", "load", file, *there)
    assert server.ok("GET", SERVICES, headers=acme, params=query)["servicesCount"] == 1
    file.write_bytes(b"rubbish")
    assert "not a snapshot" in run("snapshot", "load", file, *there)[2]
    code, err = server.end(signal.SIGINT)
    assert (code, "Emulator stopped" in err) == (0, True)


def test_tenants_and_stages_are_told_apart_by_token(serve: Any) -> None:
    server = serve()
    tokens = ("tenant:a:1", "Bearer tenant:a:2", "tenant:a-dev:1", "tenant:b:1", "plain")
    for token in ("tenant:a:1", "tenant:a-dev:1"):
        server.ok("POST", WORKFLOWS, json=WORKFLOW, headers={"Authorization": token})
    counts = [
        server.ok("GET", WORKFLOWS, headers={"Authorization": token})["workflowsCount"]
        for token in tokens
    ]
    assert counts == [1, 1, 1, 0, 0]


def test_acknowledged_writes_survive_a_kill_of_the_server(tmp_path: Path, serve: Any) -> None:
    data = str(tmp_path / "peak.sqlite")
    total = 0
    for _ in range(3):
        server = serve("--data", data)
        assert server.ok("GET", WORKFLOWS)["workflowsCount"] == total
        for _ in range(7):
            server.ok("POST", WORKFLOWS, json=WORKFLOW)
            total += 1
        assert server.end()[0] == -signal.SIGKILL
    server = serve("--data", data)
    assert server.ok("GET", WORKFLOWS)["workflowsCount"] == total
    writes = [
        r for r in server.ok("GET", "/_emulator/requests")["requests"] if r["method"] == "POST"
    ]
    assert len(writes) == total


def test_faults_come_from_a_file_and_from_the_command_line(tmp_path: Path, serve: Any) -> None:
    (tmp_path / "faults.json").write_text('[{"path": "/artifacts/", "status": 500}]')
    server = serve(
        "--faults",
        str(tmp_path / "faults.json"),
        "--fault",
        "method=GET path=/workflows/ status=418 skip=1 detail='a teapot'",
        "--fault",
        '{"path": "/webapps/", "status": 429, "retryAfter": 2}',
    )
    answers = [server.client.get(p) for p in (ARTIFACTS, WORKFLOWS, WORKFLOWS, SERVICES, SERVICES)]
    assert [answer.status_code for answer in answers] == [500, 200, 418, 429, 200]
    assert answers[2].json()["detail"] == "a teapot"
    assert answers[3].headers["retry-after"] == "2"


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--fault", "colour=red"], "fault.colour"),
        (["--fault", "{"], "--fault"),
        (["--fault", "detail='"], "No closing quotation"),
        (["--faults", "gone.json"], "gone.json"),
        (["--host", "0.0.0.0"], "other machines"),
        (["--build-seconds", "-1"], "build-seconds"),
    ],
)
def test_what_cannot_be_served_is_said(args: list[str], told: str) -> None:
    code, _, err = run("serve", "--port", "0", *args)
    assert code != 0
    assert told in err
    assert "Traceback" not in err


def test_time_stands_still_until_told(serve: Any) -> None:
    server = serve("--stepwise", "--service-seconds", "10")
    image = server.ok("GET", "/service/image-management/api/v2/images/", params={"scope": "global"})
    body = {
        "name": "s",
        "serviceType": "api",
        "imageDetails": {"imageId": image["images"][0]["id"]},
    }
    made = server.ok("POST", SERVICES, json=body)["id"]
    statuses = []
    for seconds in (9, 1):
        statuses.append(server.ok("GET", SERVICES + made)["status"])
        server.ok("POST", "/_emulator/clock", json={"advance": seconds})
    assert [*statuses, server.ok("GET", SERVICES + made)["status"]] == [
        "CREATING",
        "CREATING",
        "AVAILABLE",
    ]
    assert server.client.post("/_emulator/clock", json={"advance": -1}).status_code == 422


LIST = "/service/quota/api/v1/settings/tenant-instance-options"


def test_instance_types_come_from_a_file(serve: Any, tmp_path: Path) -> None:
    file = tmp_path / "types.yaml"
    file.write_text("webapp: [51, {id: 52, name: Big}]\n")
    server = serve("--instance-types", file)
    found = server.ok("GET", LIST, params={"entityType": "webapp"})["data"]
    assert [each["id"] for each in found] == [51, 52]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("webapp: [x]", "instanceTypes.webapp[0].id"),
        ("{", "types.yaml:1"),
        (None, "cannot be read"),
    ],
)
def test_a_file_that_has_no_instance_types_is_told(
    tmp_path: Path, text: str | None, told: str
) -> None:
    file = tmp_path / "types.yaml"
    if text is not None:
        file.write_text(text)
    code, _, err = run("serve", "--port", "0", "--instance-types", file)
    assert (code, told in err) == (64, True), err


def test_options_change_while_it_runs(serve: Any) -> None:
    server = serve("--lax-names", "--example-reads", "--latency", "0s", "--rising-versions")
    shown = server.ok("GET", "/_emulator/options")
    assert shown["risingVersions"] is True
    assert (shown["strictNames"], shown["fullReads"], shown["patchMerges"]) == (False, False, False)
    changed = server.ok("PATCH", "/_emulator/options", json={"latency": 0.01, "patchMerges": True})
    assert (changed["latency"], changed["patchMerges"]) == (0.01, True)
    for wrong in ({"newerCalls": False}, {"latency": "a"}, {"logPage": 0}, {"logPage": 1.5}, []):
        assert server.client.patch("/_emulator/options", json=wrong).status_code == 422


def test_the_seed_of_the_docs_is_one(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "emulator.md").read_text("utf-8")
    found = re.search(r"```yaml\n(tenant:.*?)```", page, re.DOTALL)
    assert found is not None
    assert "4 created" in done("seed", seed_in(tmp_path, found[1]), "--data", tmp_path / "p.sqlite")
