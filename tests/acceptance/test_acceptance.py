"""Whole commands against a fresh emulator: what they print, and which writes they send.

A case is a folder with a `script`, inputs, `expect.txt`, `expect.requests` and maybe `case.toml`
(`[emulator]` options, `[env]` variables, `[faults.NAME]` rules). It runs in a copy of itself. Lines
of a script:

    peakctl ARGS          must succeed        ! peakctl ARGS     must fail
    in FOLDER             the commands from here on run in that folder of the case
    use FOLDER            lays the files of a folder over that one: what an edit would do
    remove PATH           deletes a file there
    wait SECONDS          time passes
    fault NAME            the rules of case.toml are in force from here on
    send METHOD PATH F    someone else's request, with the JSON of file F
    hold OWNER WHO [VERB KEY]  someone else's run takes the lease, to create Workflow/later or so
    artifact NAME FOLDER  someone else makes an artifact of the files of a folder
    spoil NAME FOLDER     the artifact gets a further version, with the files of a folder

`UPDATE_GOLDEN=1 pytest tests/acceptance` writes the expectations anew: read every one of them.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import shlex
import shutil
import sys
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from acceptance.facts import check_facts

from peakctl.cli.answer import answer
from peakctl.operations.actor import CIS
from peakctl.present.report import Report

HERE = Path(__file__).parent
CASES = sorted(path.parent for path in HERE.glob("*/*/script"))
UPDATE = os.environ.get("UPDATE_GOLDEN") == "1"
EXPECTED = ("expect.txt", "expect.requests")
READS = ("GET", "HEAD")
LOOKING = (
    *("plan", "diff", "drift", "get", "show", "validate", "render", "graph", "status"),
    *("history", "why", "logs", "executions", "execution"),
)
"""Commands that send reads alone, whatever they find."""
ARTIFACTS = "/service/artifacts/api/v1/artifacts/"
TABLE = (
    ("ID", re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")),
    ("SHA", re.compile(r"\bsha256:[0-9a-f]{8,}")),
    ("TIME", re.compile(r"\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z| UTC|[+-]\d\d:\d\d)")),
    ("MINUTE", re.compile(r"\b20\d\d-\d\d-\d\d \d\d:\d\d(?=  )")),
    ("RUN", re.compile(r"(?<=\"run\": \")[0-9a-f]{10}(?=\")")),
    ("DURATION", re.compile(r"(?<![\w.])(?:\d+m)?\d+(?:\.\d+)?s\b|(?<=\"took\": )\d+(?:\.\d+)?")),
)
NUMBERED = ("ID", "SHA")


@dataclass
class Normal:
    """What differs from run to run, replaced: the same thing by the same word in one case."""

    root: str
    words: dict[str, str] = field(default_factory=dict)

    def text(self, text: str) -> str:
        text = text.replace(self.root, "[ROOT]")
        for name, pattern in TABLE:
            text = pattern.sub(lambda found, name=name: self._word(name, found[0]), text)
        return text

    def _word(self, name: str, found: str) -> str:
        if name not in NUMBERED:
            return f"[{name}]"
        key = found[: len("sha256:") + 8] if name == "SHA" else found  # the short form is the same
        count = sum(word.startswith(f"[{name}_") for word in self.words.values())
        return self.words.setdefault(key, f"[{name}_{count + 1}]")


@dataclass
class Play:
    """One case under way."""

    project: Path
    emulator: Any
    run: Callable[..., Any]
    faults: dict[str, Any]
    normal: Normal
    clock: Any
    text: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def line(self, line: str) -> None:
        verb, _, rest = line.partition(" ")
        if verb in ("peakctl", "!"):
            self._command(rest.removeprefix("peakctl "), fails=verb == "!")
            return
        self.text.append(f"# {line}\n")
        act = getattr(self, f"do_{verb}")(*shlex.split(rest))
        if act is not None:
            asyncio.run(act)

    def do_in(self, folder: str) -> None:
        os.chdir(self.project / folder)  # the fixture that changed it first puts it back

    def do_use(self, folder: str) -> None:
        shutil.copytree(self.project / folder, Path.cwd(), dirs_exist_ok=True)

    def do_remove(self, path: str) -> None:
        Path(path).unlink()

    def do_wait(self, seconds: str) -> None:
        self.clock.time += float(seconds)

    def do_fault(self, name: str) -> None:
        from peakctl.emulator.faults import read_faults

        self.emulator.faults += read_faults(self.faults[name])

    def _command(self, words: str, *, fails: bool) -> None:
        before = len(self.emulator.requests)
        ran = self.run(*shlex.split(words), emulator=self.emulator)
        said = "".join(f"2> {line}".rstrip() + "\n" for line in ran.err.splitlines())
        code = f"[exit {ran.code}]\n" if ran.code else ""
        told = self.normal.text(f"{ran.out}{said}{code}\n")
        self.text.append(f"$ peakctl {words}\n{told}")
        assert (ran.code != 0) is fails, f"exit {ran.code}: {ran.out}{ran.err}"
        writes = [r for r in self.emulator.requests[before:] if r.method not in READS]
        if words.split()[0] in LOOKING or "--dry-run" in words:
            assert writes == [], words
        if writes:
            self.requests.append(f"# peakctl {words}\n")
        self.requests += [self.normal.text(_written(request)) for request in writes]

    async def do_send(self, method: str, path: str, file: str) -> None:
        body = json.loads((self.project / file).read_text("utf-8"))
        async with self._client() as client:
            answer = await client.request(method, path, json=body)
        assert answer.is_success, answer.text

    async def do_artifact(self, name: str, folder: str) -> None:
        async with self._client() as client:
            files = {
                "artifact": ("artifact.zip", _packed(self.project / folder), "application/zip")
            }
            answer = await client.post(ARTIFACTS, files=files, data={"name": name})
        assert answer.is_success, answer.text

    async def do_spoil(self, name: str, folder: str) -> None:
        async with self._client() as client:
            listed = (await client.get(ARTIFACTS)).json()["artifacts"]
            (id_,) = [each["id"] for each in listed if each["name"] == name]
            files = {
                "artifact": ("artifact.zip", _packed(self.project / folder), "application/zip")
            }
            answer = await client.put(f"{ARTIFACTS}{id_}", files=files)
        assert answer.is_success, answer.text

    async def do_hold(
        self, owner: str, who: str, verb: str = "create", key: str = "Workflow/later"
    ) -> None:
        from peakctl.adapters.ledger_store import ArtifactLedgers
        from peakctl.api.client import Api, bases_for
        from peakctl.emulator import emulator_transport
        from peakctl.ledger.client import LedgerClient
        from peakctl.ledger.lease import HeldLease
        from peakctl.model import Actor, CiJob, Intent, Key, Owner, Run, Secret
        from peakctl.operations.project import SystemClock

        clock = SystemClock()
        transport = emulator_transport(self.emulator)
        bases, token = bases_for(None, "http://emulator"), Secret("peakctl-emulator")
        job = CiJob("4711", "deploy", 1, "https://ci.example.com/runs/4711")
        async with Api(transport=transport, bases=bases, token=token, clock=clock) as api:
            store, whose = ArtifactLedgers(api, clock), Owner(*owner.split("/"))
            await HeldLease.acquire(
                LedgerClient(store, whose, clock, lambda _: None),
                Run("elsewhere", Actor(who, commit="0123456789abcdef", ci=job), "apply"),
                (Intent(Key(*key.split("/")), verb),),
            )

    def _client(self) -> httpx.AsyncClient:
        from peakctl.emulator import emulator_transport

        return httpx.AsyncClient(
            transport=emulator_transport(self.emulator),
            base_url="http://emulator",
            headers={"Authorization": "peakctl-emulator"},
        )


def _packed(folder: Path) -> bytes:
    with zipfile.ZipFile(packed := io.BytesIO(), "w") as archive:
        for path in sorted(folder.iterdir()):
            archive.writestr(path.name, path.read_bytes())
    return packed.getvalue()


def _written(request: Any) -> str:
    """One write as a line of JSON; a file part tells only that it was there."""
    parts = {n: "[FILE]" if _is_file(v) else v for n, v in request.parts.items()}
    told: dict[str, Any] = {"method": request.method, "path": request.path}
    told |= {"query": dict(request.query)} if request.query else {}
    told |= {"status": request.status} if request.status >= 300 or not request.status else {}
    told |= {"parts": parts} if parts else {"body": request.body}
    return json.dumps(told, ensure_ascii=False) + "\n"


def _is_file(part: Any) -> bool:
    return isinstance(part, dict) and set(part) == {"digest", "bytes"}


def lines_of(script: str) -> Iterator[str]:
    for line in script.splitlines():
        if line.strip() and not line.startswith("#"):
            yield line.strip()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_a_case_prints_and_sends_what_it_did(
    case: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make_emulator: Callable[..., Any],
    peakctl: Callable[..., Any],
    clock: Any,
) -> None:
    settings = _settings(case)
    project = tmp_path / "project"
    shutil.copytree(case, project, ignore=shutil.ignore_patterns("expect.*", "case.toml", "script"))
    monkeypatch.chdir(project)
    monkeypatch.setattr(sys, "argv", ["peakctl"])  # usage errors tell the program by its name
    for ci in CIS:
        monkeypatch.delenv(ci.mark, raising=False)
    monkeypatch.setenv("LOGNAME", "alice")
    for name, value in settings.get("env", {}).items():
        monkeypatch.setenv(name, value)
    reports = recorded(monkeypatch)
    emulator = make_emulator(**settings.get("emulator", {}))
    play = Play(project, emulator, peakctl, settings.get("faults", {}), Normal(str(project)), clock)
    for line in lines_of((case / "script").read_text("utf-8")):
        play.line(line)
    for name, found in zip(EXPECTED, ("".join(play.text), "".join(play.requests)), strict=True):
        if UPDATE:
            (case / name).write_text(found, "utf-8")
        assert found == (case / name).read_text("utf-8")
    for report in reports:
        if report.plan is not None:
            check_facts(report)


def recorded(monkeypatch: pytest.MonkeyPatch) -> list[Report]:
    """Every report that is answered with from here on."""
    reports: list[Report] = []

    def keep(report: Report, *rest: Any) -> int:
        reports.append(report)
        return answer(report, *rest)

    monkeypatch.setattr("peakctl.cli.session.answer", keep)
    return reports


def _settings(case: Path) -> dict[str, Any]:
    file = case / "case.toml"
    return tomllib.loads(file.read_text("utf-8")) if file.exists() else {}


def test_every_folder_of_cases_has_a_script() -> None:
    cases = {path for path in HERE.glob("*/*") if path.is_dir() and path.name != "__pycache__"}
    assert cases == set(CASES)


def test_every_kind_has_five_cases() -> None:
    from peakctl.kinds.schemas import load_kinds

    texts = ["".join(p.read_text("utf-8") for p in case.rglob("*.yaml")) for case in CASES]
    for kind in load_kinds():
        assert sum(f"kind: {kind}\n" in text for text in texts) >= 5, kind
