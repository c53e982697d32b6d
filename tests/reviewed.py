"""Requests that are opened, planned, reviewed and merged, on a GitHub and a GitLab in memory.

The jobs are those of `ci_play`; here the hosts also have runs, artifacts, reviews and labels, each
with the time of the fake clock, as the documented workflows leave them.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ci_play import REPOSITORY, Job, PlayedCi, PlayedGithub, PlayedGitlab

PEOPLE = {"alice": ("admin", 50, 1), "bob": ("write", 30, 2), "carol": ("read", 20, 3)}
"""Permission, access level and number of each account."""
WORKFLOW = ".github/workflows/peak.yml"


def archive(files: Mapping[str, bytes]) -> bytes:
    """A zip, as hosts make it of what a job keeps."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, data in files.items():
            opened.writestr(name, data)
    return packed.getvalue()


class Reviewed(PlayedCi):
    """What both hosts have. Requests have numbers from 7; their branches are `feature-N`."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.heads: dict[int, str] = {}
        self.ids = 100
        self.setup()

    def setup(self) -> None:
        """Give the host its people."""

    def tick(self, seconds: float = 60) -> str:
        """The time, a while later, as the hosts write it."""
        self.clock.time += seconds
        return datetime.fromtimestamp(self.clock.now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def next_id(self) -> int:
        self.ids += 1
        return self.ids

    def open(self, number: int, files: Mapping[str, str], *, base: str = "main") -> str:
        """A request of alice into `base`; the head of its branch."""
        repository = self.repository
        repository.git(repository.clone, "fetch", "-q", "origin")
        repository.git(repository.clone, "checkout", "-q", "-B", f"feature-{number}", "origin/main")
        self.tell_open(number, base)
        return self.push(number, files)

    def push(self, number: int, files: Mapping[str, str]) -> str:
        """One more commit of a request."""
        repository = self.repository
        repository.git(repository.clone, "checkout", "-q", f"feature-{number}")
        for name, text in files.items():
            repository.write(name, text)
        self.heads[number] = repository.commit(f"change of {number}", f"feature-{number}")
        self.tell_push(number, self.heads[number], list(files))
        return self.heads[number]

    def merge(self, number: int, how: str = "merge") -> str:
        """Merge a request with one of the buttons of a host; the tip of the main branch."""
        repository, head = self.repository, self.heads[number]
        if how == "rebase":
            folder = repository.checkout(head)
            repository.git(folder, "rebase", "-q", "--force-rebase", "origin/main")
            brought = repository.git(folder, "rev-list", "origin/main..HEAD").split()
            repository.git(folder, "push", "-q", "origin", "HEAD:main")
            commit = repository.tip()
        else:
            commit = repository.merge(head, squash=how == "squash")
            brought = [commit, head]
        self.tell_merge(number, commit, brought)
        return commit

    def planned(self, number: int, *words: str) -> Job:
        """The job of a request, which keeps its plan as the documented workflow does."""
        raise NotImplementedError

    def ready(self, number: int, files: Mapping[str, str], how: str = "merge") -> str:
        """A request that is planned, approved by bob and merged."""
        self.open(number, files)
        assert self.planned(number).code == 0
        self.approve(number)
        return self.merge(number, how)

    def tell_open(self, number: int, base: str) -> None:
        raise NotImplementedError

    def tell_push(self, number: int, head: str, files: list[str]) -> None:
        raise NotImplementedError

    def tell_merge(self, number: int, commit: str, brought: list[str]) -> None:
        raise NotImplementedError

    def approve(self, number: int, who: str = "bob", state: str = "APPROVED") -> None:
        """A review of the head as it is."""
        raise NotImplementedError

    def say(self, number: int, who: str, text: str) -> dict[str, Any]:
        """A comment."""
        raise NotImplementedError

    def label(self, number: int, who: str, name: str, *, there: bool = True) -> None:
        """Set a label, or take it away."""
        raise NotImplementedError

    def move_base(self, number: int, base: str) -> None:
        """Change the branch that a request goes to."""
        raise NotImplementedError

    def expire(self, number: int) -> None:
        """Delete the artifacts of a request."""
        raise NotImplementedError

    def forge(self, number: int, data: bytes) -> None:
        """Put other bytes in the place of what its job kept."""
        raise NotImplementedError


class ReviewedGithub(Reviewed, PlayedGithub):
    """Pull requests with runs of one workflow."""

    def setup(self) -> None:
        self.host.permissions = {name: rights[0] for name, rights in PEOPLE.items()}
        self.runs_of: dict[int, list[dict[str, Any]]] = {}

    def pull(self, number: int) -> dict[str, Any]:
        return next(each for each in self.host.pulls if each["number"] == number)

    def tell_open(self, number: int, base: str) -> None:
        branch = f"feature-{number}"
        self.host.pulls.append(
            {
                "number": number,
                "state": "open",
                "user": {"login": "alice", "type": "User"},
                "head": {
                    "ref": branch,
                    "label": f"acme:{branch}",
                    "repo": {"full_name": REPOSITORY},
                },
                "base": {"ref": base},
                "created_at": self.tick(),
                "closed_at": None,
                "merged_at": None,
                "merge_commit_sha": None,
                "changed_files": 0,
            }
        )

    def tell_push(self, number: int, head: str, files: list[str]) -> None:
        self.pull(number)["head"]["sha"] = head
        known = self.host.files.setdefault(str(number), [])
        names = {each["filename"] for each in known}
        known += [{"filename": name} for name in files if name not in names]
        self.pull(number)["changed_files"] = len(known)

    def tell_merge(self, number: int, commit: str, brought: list[str]) -> None:
        at = self.tick()
        merged = {"state": "closed", "merged_at": at, "closed_at": at, "merge_commit_sha": commit}
        self.pull(number).update(merged)
        self.host.merged.append({**self.pull(number), "brought": brought})

    def planned(self, number: int, *words: str, rerun: bool = False) -> Job:
        pull = self.pull(number)
        event = {
            "number": number,
            "head": {"sha": pull["head"]["sha"], "repo": {"full_name": REPOSITORY}},
            "base": {"sha": self.repository.tip(), "ref": pull["base"]["ref"]},
        }
        variables = self.variables({"pull_request": event}, f"refs/pull/{number}/merge", "plan")
        variables |= self.workflow_ref(f"refs/pull/{number}/merge") | {"GITHUB_BASE_REF": "main"}
        run = self.runs_of[number][-1] if rerun else self.start_run(number)
        folder = self.repository.checkout(pull["head"]["sha"], "main")
        job = self.job(folder, variables, "ci", "plan", "-e", "prod", *words)
        run["status"], run["conclusion"] = "completed", "success" if job.code == 0 else "failure"
        if job.outputs["plan"]:
            data = Path(job.outputs["plan"]).read_bytes()
            self.keep(run, job.outputs["artifact"], {"peakctl-prod.peakplan": data})
        return job

    def workflow_ref(self, ref: str) -> dict[str, str]:
        return {"GITHUB_WORKFLOW_REF": f"{REPOSITORY}/{WORKFLOW}@{ref}"}

    def start_run(self, number: int) -> dict[str, Any]:
        head = self.pull(number)["head"]
        run = {
            "id": self.next_id(),
            "path": WORKFLOW,
            "head_sha": head["sha"],
            "head_branch": head["ref"],
            "head_repository": {"full_name": REPOSITORY},
            "event": "pull_request",
            "status": "in_progress",
            "conclusion": None,
            "created_at": self.tick(),
            "html_url": f"https://github.com/{REPOSITORY}/actions/runs/{self.ids}",
        }
        self.host.runs.append(run)
        self.runs_of.setdefault(number, []).append(run)
        return run

    def keep(self, run: dict[str, Any], name: str, files: Mapping[str, bytes]) -> dict[str, Any]:
        """Upload an artifact in the place of one of the same name."""
        data, id_ = archive(files), self.next_id()
        made = {
            "id": id_,
            "name": name,
            "size_in_bytes": len(data),
            "expired": False,
            "created_at": self.tick(),
            "digest": f"sha256:{hashlib.sha256(data).hexdigest()}",
        }
        kept = self.host.artifacts.setdefault(str(run["id"]), [])
        kept[:] = [each for each in kept if each["name"] != name]
        kept.append(made)
        self.host.archives[str(id_)] = data
        return made

    def apply(self, commit: str, *words: str, **more: Any) -> Job:
        variables = self.of_branch() | {"GITHUB_SHA": commit, **more.pop("variables", {})}
        folder = self.repository.checkout(commit)
        return self.job(folder, variables, "ci", "apply", "-e", "prod", *words)

    def of_branch(self) -> dict[str, str]:
        return super().of_branch() | self.workflow_ref("refs/heads/main")

    def approve(self, number: int, who: str = "bob", state: str = "APPROVED") -> None:
        self.host.reviews_of(number).append(
            {
                "id": self.next_id(),
                "user": {"login": who, "type": "Bot" if "[bot]" in who else "User"},
                "state": state,
                "body": "",
                "commit_id": self.pull(number)["head"]["sha"],
                "submitted_at": self.tick(),
            }
        )

    def say(self, number: int, who: str, text: str) -> dict[str, Any]:
        comment: dict[str, Any] = self.host.add(number, who, text)
        comment["created_at"] = comment["updated_at"] = self.tick()
        return comment

    def label(self, number: int, who: str, name: str, *, there: bool = True) -> None:
        self.event(number, "labeled" if there else "unlabeled", who, label={"name": name})

    def event(self, number: int, event: str, who: str = "alice", **more: Any) -> None:
        actor = {"login": who, "type": "User"}
        found = {"number": str(number), "event": event, "actor": actor, "created_at": self.tick()}
        self.host.events.append({**found, **more})

    def move_base(self, number: int, base: str) -> None:
        self.pull(number)["base"]["ref"] = base
        self.event(number, "base_ref_changed")

    def artifact(self, number: int) -> dict[str, Any]:
        found: dict[str, Any] = self.host.artifacts[str(self.runs_of[number][-1]["id"])][0]
        return found

    def expire(self, number: int) -> None:
        self.artifact(number)["expired"] = True

    def forge(self, number: int, data: bytes) -> None:
        self.host.archives[str(self.artifact(number)["id"])] = data


class ReviewedGitlab(Reviewed, PlayedGitlab):
    """Merge requests with pipelines of jobs `plan` and `apply`."""

    def setup(self) -> None:
        for name, (_, level, id_) in PEOPLE.items():
            self.host.members[str(id_)] = {
                "id": id_,
                "username": name,
                "state": "active",
                "access_level": level,
                "bot": False,
            }

    def id_of(self, who: str) -> int:
        return PEOPLE[who][2] if who in PEOPLE else 99

    def list(self, what: str, number: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.host.lists.setdefault(f"{what} {number}", [])
        return found

    def tell_open(self, number: int, base: str) -> None:
        self.host.requests[str(number)] = {
            "id": 900 + number,
            "iid": number,
            "state": "opened",
            "author": {"id": 1, "username": "alice"},
            "source_branch": f"feature-{number}",
            "target_branch": base,
            "source_project_id": 41,
            "target_project_id": 41,
            "merge_commit_sha": None,
            "squash_commit_sha": None,
            "changes_count": "0",
            "sha": None,
        }

    def tell_push(self, number: int, head: str, files: list[str]) -> None:
        request, known = self.host.requests[str(number)], self.list("diffs", number)
        request["sha"] = head
        names = {each["new_path"] for each in known}
        known += [{"new_path": name, "old_path": name} for name in files if name not in names]
        request["changes_count"] = str(len(known))
        self.list("versions", number).insert(
            0, {"id": self.next_id(), "head_commit_sha": head, "created_at": self.tick()}
        )

    def tell_merge(self, number: int, commit: str, brought: list[str]) -> None:
        request = self.host.requests[str(number)]
        is_ff = len(brought) > 1 and commit == brought[0] and self.heads[number] not in brought
        request.update({"state": "merged", "merge_commit_sha": None if is_ff else commit})
        if is_ff:
            request["sha"] = commit
        self.tick()
        self.host.merged.append({**request, "project_id": 41, "brought": brought})

    def planned(self, number: int, *words: str, rerun: bool = False) -> Job:
        head = self.host.requests[str(number)]["sha"]
        variables = self.variables(head, "plan") | {
            "CI_PIPELINE_SOURCE": "merge_request_event",
            "CI_MERGE_REQUEST_IID": str(number),
            "CI_MERGE_REQUEST_PROJECT_ID": "41",
            "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "41",
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        }
        pipelines = self.list("pipelines", number)
        if not rerun:
            pipelines.insert(
                0,
                {
                    "id": self.next_id(),
                    "sha": head,
                    "ref": f"refs/merge-requests/{number}/head",
                    "status": "running",
                    "source": "merge_request_event",
                    "created_at": self.tick(),
                },
            )
        began = self.tick()
        folder = self.repository.checkout(head)
        job = self.job(folder, variables, "ci", "plan", "-e", "prod", *words)
        kept = {
            "id": self.next_id(),
            "name": "plan",
            "status": "success" if job.code == 0 else "failed",
            "created_at": began,
            "finished_at": self.tick(),
            "web_url": f"https://gitlab.example.com/acme/shop/-/jobs/{self.ids}",
            "artifacts_file": None,
        }
        if job.outputs["plan"]:
            data = Path(job.outputs["plan"]).read_bytes()
            kept["artifacts_file"] = {"filename": "artifacts.zip", "size": len(data)}
            files = {"peakctl-prod.peakplan": data, "peakctl-prod.md": b"#"}
            self.host.archives[str(kept["id"])] = archive(files)
        self.list("jobs", pipelines[0]["id"]).insert(0, kept)
        return job

    def apply(self, commit: str, *words: str, **more: Any) -> Job:
        variables = self.variables(commit, "apply") | {"CI_COMMIT_BRANCH": "main"}
        variables |= more.pop("variables", {})
        folder = self.repository.checkout(commit)
        return self.job(folder, variables, "ci", "apply", "-e", "prod", *words)

    def note(self, number: int, who: str, text: str, *, system: bool) -> dict[str, Any]:
        made: dict[str, Any] = self.host.add(number, self.id_of(who), text, system=system)
        made["author"]["username"] = who
        made["created_at"] = made["updated_at"] = self.tick()
        return made

    def approve(self, number: int, who: str = "bob", state: str = "APPROVED") -> None:
        approved = self.host.approved.setdefault(str(number), [])
        if state == "APPROVED":
            approved.append(self.id_of(who))
            self.note(number, who, "approved this merge request", system=True)
        else:
            approved.remove(self.id_of(who))
            self.note(number, who, "unapproved this merge request", system=True)

    def say(self, number: int, who: str, text: str) -> dict[str, Any]:
        return self.note(number, who, text, system=False)

    def label(self, number: int, who: str, name: str, *, there: bool = True) -> None:
        self.list("resource_label_events", number).append(
            {
                "id": self.next_id(),
                "user": {"id": self.id_of(who), "username": who},
                "created_at": self.tick(),
                "label": {"id": 1, "name": name},
                "action": "add" if there else "remove",
            }
        )

    def move_base(self, number: int, base: str) -> None:
        self.host.requests[str(number)]["target_branch"] = base
        text = f"changed target branch from `evil` to `{base}`"
        self.note(number, "alice", text, system=True)

    def kept(self, number: int) -> dict[str, Any]:
        return self.list("jobs", self.list("pipelines", number)[0]["id"])[0]

    def expire(self, number: int) -> None:
        del self.host.archives[str(self.kept(number)["id"])]

    def forge(self, number: int, data: bytes) -> None:
        self.host.archives[str(self.kept(number)["id"])] = data
