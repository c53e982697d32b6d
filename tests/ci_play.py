"""Events of one repository and the jobs that they start, each in a clone of its own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from hosts import FakeGithub, FakeGitlab, FakeHost, pull_of

from peakctl.adapters.ledger_store import ArtifactLedgers
from peakctl.api.client import Api, bases_for
from peakctl.emulator import emulator_transport
from peakctl.hosts import find
from peakctl.ledger.client import LedgerClient
from peakctl.ledger.lease import HeldLease
from peakctl.model import Actor, CiJob, Owner, Run, Secret

REPOSITORY = "acme/shop"
NUMBER = 7
CI_VARIABLES = (
    "GITHUB_",
    "GITLAB_",
    "CI_",
    "CI",
    "GH_",
    "PEAK",
    "TF_",
    "BUILD_",
    "SYSTEM_",
    "STAGE",
)


class Repository:
    """A bare repository, a clone of a developer, and clones for jobs."""

    def __init__(self, folder: Path, files: dict[str, str]) -> None:
        self.folder = folder
        self.origin, self.clone = folder / "origin.git", folder / "clone"
        self.git(folder, "init", "-q", "--bare", "-b", "main", str(self.origin))
        self.git(folder, "clone", "-q", str(self.origin), str(self.clone))
        self.git(self.clone, "checkout", "-q", "-b", "main")
        for name, text in files.items():
            self.write(name, text)
        self.commit("one", "main")

    def git(self, folder: Path, *words: str) -> str:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")
        done = subprocess.run(
            ["git", *identity, *words], cwd=folder, capture_output=True, check=True, text=True
        )
        return done.stdout.strip()

    def write(self, name: str, text: str) -> None:
        path = self.clone / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def commit(self, message: str, branch: str) -> str:
        """Commit all that was written, and push it as `branch`."""
        self.git(self.clone, "add", "-A", ".")
        self.git(self.clone, "commit", "-q", "--allow-empty", "-m", message)
        self.git(self.clone, "push", "-q", "--force", "origin", f"HEAD:{branch}")
        return self.git(self.clone, "rev-parse", "HEAD")

    def commit_of(self, name: str, text: str) -> str:
        """A commit of the branch `feature` with one manifest changed."""
        self.write(f"manifests/{name}.yaml", text)
        return self.commit(f"change {name}", "feature")

    def start_branch(self) -> None:
        """Begin anew from the main branch, whatever was committed before."""
        self.git(self.clone, "fetch", "-q", "origin")
        self.git(self.clone, "checkout", "-q", "-B", "feature", "origin/main")

    def checkout(self, commit: str, merged_into: str = "") -> Path:
        """A clone for a job with the whole history; as the merge that a host makes, if told."""
        folder = self.folder / f"job-{len(list(self.folder.glob('job-*')))}"
        self.git(self.folder, "clone", "-q", str(self.origin), str(folder))
        if not merged_into:
            self.git(folder, "checkout", "-q", commit)
            return folder
        self.git(folder, "checkout", "-q", "--detach", f"origin/{merged_into}")
        self.git(folder, "merge", "-q", "--no-ff", "-m", "the merge of the host", commit)
        return folder

    def merge(self, commit: str, *, squash: bool = False) -> str:
        """Merge a commit into the main branch, as the button of a host does."""
        folder = self.checkout("origin/main")
        if squash:
            self.git(folder, "merge", "-q", "--squash", commit)
            self.git(folder, "commit", "-q", "-m", "squashed")
        else:
            self.git(folder, "merge", "-q", "--no-ff", "-m", "merge", commit)
        self.git(folder, "push", "-q", "origin", "HEAD:main")
        return self.git(folder, "rev-parse", "HEAD")

    def tip(self) -> str:
        return self.git(self.origin, "rev-parse", "main")


@dataclass
class Job:
    """A job that has ended: what peakctl printed, where it worked, what it sent to the platform."""

    code: int
    out: str
    err: str
    folder: Path
    summary: str
    outputs: dict[str, str]
    methods: list[str] = field(default_factory=list)

    @property
    def log(self) -> str:
        return self.out + self.err


class PlayedCi:
    """A host, its repository, and a platform; jobs run in this process on the fake clock."""

    name: ClassVar[str]

    def __init__(
        self,
        repository: Repository,
        peakctl: Any,
        emulator: Any,
        monkeypatch: pytest.MonkeyPatch,
        clock: Any,
    ) -> None:
        self.repository, self.peakctl, self.emulator = repository, peakctl, emulator
        self.monkeypatch, self.clock = monkeypatch, clock
        self.host: Any = self.make_host()
        self.runs = 0
        monkeypatch.setattr(find, "open_transport", lambda _: self.host.transport())

    def make_host(self) -> FakeHost:
        raise NotImplementedError

    def plan(self, head: str, *words: str, fork: bool = False) -> Job:
        """The job of the request for its last commit."""
        raise NotImplementedError

    def apply(
        self, commit: str, *words: str, run: str = "", job_id: str = "", attempt: int = 1
    ) -> Job:
        """The job of a push to the main branch."""
        raise NotImplementedError

    def merged(self, head: str, *, squash: bool = False) -> str:
        """The commit on the main branch, once the request was merged."""
        commit = self.repository.merge(head, squash=squash)
        self.tell_merged(head, commit)
        return commit

    def tell_merged(self, head: str, commit: str) -> None:
        raise NotImplementedError

    @property
    def bodies(self) -> list[str]:
        found: list[str] = self.host.bodies(NUMBER)
        return found

    def told(self, command: str) -> str:
        """The one comment on what a command did."""
        marker = f"<!-- peakctl:ci {command} project=shop "
        (found,) = [body for body in self.bodies if body.startswith(marker)]
        return found

    def nightly(self, *words: str) -> Job:
        """A scheduled job on the main branch, without a request."""
        return self.job(self.repository.checkout("origin/main"), self.of_branch(), *words)

    def of_branch(self) -> dict[str, str]:
        raise NotImplementedError

    def job(self, folder: Path, variables: dict[str, str], *words: str) -> Job:
        """Run a command line in a clone with the variables of a job and no others of a CI."""
        self.runs += 1
        files = [self.repository.folder / f"{word}-{self.runs}" for word in ("summary", "outputs")]
        self.host.date = formatdate(self.clock.now(), usegmt=True)
        before = len(self.emulator.requests)
        with self.monkeypatch.context() as patch:
            for name in [n for n in os.environ if n.startswith(CI_VARIABLES)]:
                patch.delenv(name)
            if "CI_JOB_ID" in variables:
                variables = {**variables, "CI_PROJECT_DIR": str(folder)}
            for name, value in {**self.of_files(files), **variables}.items():
                patch.setenv(name, value)
            patch.chdir(folder)
            patch.setattr("socket.gethostname", lambda: f"runner-{self.runs}")
            found = self.peakctl(*words, *self.flags_of(words, files), emulator=self.emulator)
        assert self.host.broken == []
        assert "Traceback" not in found.err
        methods = [each.method for each in list(self.emulator.requests)[before:]]
        if words[:2] == ("ci", "plan") or words[0] in ("drift", "get", "status"):
            assert set(methods) <= {"GET"}
        texts = [path.read_text("utf-8") if path.exists() else "" for path in files]
        return Job(
            found.code,
            found.out,
            found.err,
            folder,
            texts[0],
            dict(row.split("=", 1) for row in texts[1].splitlines()),
            methods,
        )

    def send(self, method: str, path: str, body: Any = None) -> Any:
        """What somebody does on the platform by hand."""

        async def work() -> Any:
            client = httpx.AsyncClient(
                transport=emulator_transport(self.emulator),
                base_url="http://emulator",
                headers={"Authorization": "peakctl-emulator"},
            )
            async with client:
                answer = await client.request(method, path, json=body)
            assert answer.is_success, answer.text
            return answer.json()

        return asyncio.run(work())

    def leave_lease(self, run: str, *, job: str, job_id: str) -> None:
        """A job on another machine takes the lease and is killed: it never gives it back."""

        async def take() -> None:
            transport = emulator_transport(self.emulator)
            bases, token = bases_for(None, "http://emulator"), Secret("peakctl-emulator")
            async with Api(transport=transport, bases=bases, token=token, clock=self.clock) as api:
                store = ArtifactLedgers(api, self.clock)
                client = LedgerClient(store, Owner("shop", "prod"), self.clock, lambda _: None)
                actor = Actor("bob", host="gone", process="7:1", ci=self.ci_job(run, job, job_id))
                await HeldLease.acquire(client, Run("r", actor, "apply"), ())

        asyncio.run(take())

    def ci_job(self, run: str, job: str, job_id: str) -> CiJob:
        """What a ledger says of a job."""
        raise NotImplementedError

    def ended(self, run: str, job_id: str, at: float) -> None:
        """The host says that this job is over since `at`."""
        raise NotImplementedError

    def of_files(self, files: list[Path]) -> dict[str, str]:
        """Variables that name the files of a step."""
        return {}

    def flags_of(self, words: tuple[str, ...], files: list[Path]) -> list[str]:
        """Flags that name them, where no variable does."""
        return []


class PlayedGithub(PlayedCi):
    name = "github"

    def make_host(self) -> FakeHost:
        return FakeGithub(permissions={"bob": "write", "alice": "admin", "carol": "read"})

    def plan(self, head: str, *words: str, fork: bool = False) -> Job:
        source = "mallory/shop" if fork else REPOSITORY
        self.host.head = {"sha": head}
        self.host.pulls = [pull_of(NUMBER, head, source, "feature")]
        pull = {
            "number": NUMBER,
            "head": {"sha": head, "repo": {"full_name": source}},
            "base": {"sha": self.repository.tip(), "ref": "main"},
        }
        variables = self.variables({"pull_request": pull}, f"refs/pull/{NUMBER}/merge", "plan")
        if fork:
            del variables["GITHUB_TOKEN"], variables["PEAK_AUTH_TOKEN"]
        folder = self.repository.checkout(head, "main")
        return self.job(
            folder, {**variables, "GITHUB_BASE_REF": "main"}, "ci", "plan", "-e", "prod", *words
        )

    def apply(
        self, commit: str, *words: str, run: str = "", job_id: str = "", attempt: int = 1
    ) -> Job:
        more = {"GITHUB_SHA": commit, "GITHUB_RUN_ATTEMPT": str(attempt)}
        more |= {"GITHUB_RUN_ID": run} if run else {}
        folder = self.repository.checkout(commit)
        return self.job(folder, self.of_branch() | more, "ci", "apply", "-e", "prod", *words)

    def of_branch(self) -> dict[str, str]:
        return self.variables({"ref": "refs/heads/main"}, "refs/heads/main", "apply")

    def tell_merged(self, head: str, commit: str) -> None:
        at = "2026-11-28T10:00:00Z"
        found = {"number": NUMBER, "merge_commit_sha": commit, "merged_at": at}
        self.host.merged = [*self.host.merged, found]

    def variables(self, event: Any, ref: str, job: str) -> dict[str, str]:
        file = self.repository.folder / f"event-{self.runs}.json"
        file.write_text(json.dumps(event))
        return {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_REF": ref,
            "GITHUB_SHA": "c" * 40,
            "GITHUB_JOB": job,
            "GITHUB_RUN_ID": str(1000 + self.runs),
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_EVENT_PATH": str(file),
            "GITHUB_TOKEN": "ghs_0123456789",
            "PEAK_AUTH_TOKEN": "read-token",
        }

    def of_files(self, files: list[Path]) -> dict[str, str]:
        return {"GITHUB_STEP_SUMMARY": str(files[0]), "GITHUB_OUTPUT": str(files[1])}

    def ci_job(self, run: str, job: str, job_id: str) -> CiJob:
        return CiJob(run, job, 1, f"https://github.com/{REPOSITORY}/actions/runs/{run}")

    def ended(self, run: str, job_id: str, at: float) -> None:
        when = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.host.attempt = {"id": int(run), "status": "completed", "updated_at": when}


class PlayedGitlab(PlayedCi):
    name = "gitlab"

    def make_host(self) -> FakeHost:
        return FakeGitlab()

    def plan(self, head: str, *words: str, fork: bool = False) -> Job:
        variables = self.variables(head, "plan") | {
            "CI_PIPELINE_SOURCE": "merge_request_event",
            "CI_MERGE_REQUEST_IID": str(NUMBER),
            "CI_MERGE_REQUEST_PROJECT_ID": "41",
            "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "42" if fork else "41",
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
            "CI_PROJECT_ID": "42" if fork else "41",
        }
        if fork:
            del variables["GITLAB_TOKEN"], variables["PEAK_AUTH_TOKEN"]
        folder = self.repository.checkout(head)
        return self.job(folder, variables, "ci", "plan", "-e", "prod", *words)

    def apply(
        self, commit: str, *words: str, run: str = "", job_id: str = "", attempt: int = 1
    ) -> Job:
        variables = self.variables(commit, "apply")
        given = {"CI_PIPELINE_ID": run, "CI_JOB_ID": job_id}
        variables |= {name: value for name, value in given.items() if value}
        folder = self.repository.checkout(commit)
        return self.job(folder, variables, "ci", "apply", "-e", "prod", *words)

    def of_branch(self) -> dict[str, str]:
        return self.variables(self.repository.tip(), "apply") | {"CI_PIPELINE_SOURCE": "schedule"}

    def tell_merged(self, head: str, commit: str) -> None:
        found = {
            "iid": NUMBER,
            "state": "merged",
            "merge_commit_sha": commit,
            "squash_commit_sha": None,
            "sha": head,
        }
        self.host.merged = [*self.host.merged, found]

    def variables(self, commit: str, job: str) -> dict[str, str]:
        return {
            "CI": "true",
            "GITLAB_CI": "true",
            "CI_API_V4_URL": "https://gitlab.example.com/api/v4",
            "CI_PROJECT_URL": "https://gitlab.example.com/acme/shop",
            "CI_PROJECT_ID": "41",
            "CI_COMMIT_SHA": commit,
            "CI_COMMIT_REF_NAME": "main",
            "CI_PIPELINE_ID": str(1000 + self.runs),
            "CI_JOB_ID": str(5000 + self.runs),
            "CI_JOB_NAME": job,
            "CI_JOB_URL": f"https://gitlab.example.com/acme/shop/-/jobs/{5000 + self.runs}",
            "GITLAB_TOKEN": "glpat-0123456789",
            "PEAK_AUTH_TOKEN": "read-token",
        }

    def flags_of(self, words: tuple[str, ...], files: list[Path]) -> list[str]:
        if words[0] != "ci" or words[1] not in ("plan", "apply"):
            return []
        return ["--summary-file", str(files[0]), "--outputs-file", str(files[1])]

    def ci_job(self, run: str, job: str, job_id: str) -> CiJob:
        return CiJob(run, job, int(job_id), f"https://gitlab.example.com/acme/shop/-/jobs/{job_id}")

    def ended(self, run: str, job_id: str, at: float) -> None:
        when = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
        self.host.job = {"id": int(job_id), "status": "canceled", "finished_at": when}
