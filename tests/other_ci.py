"""Runners of GitLab CI, Azure Pipelines and Jenkins, as far as their documentation tells of steps.

Each plays files of ours: which jobs an event starts, with which variables, and what their scripts
do in a clone. Nothing is fetched and nothing installed; `Runner.install` has the programs.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


@dataclass
class Played:
    """What a job did. `artifacts` are the files that it keeps, by path in the repository."""

    code: int
    log: str
    artifacts: dict[str, bytes] = field(default_factory=dict)


def script(text: str, shell: list[str], folder: Path, env: dict[str, str]) -> Played:
    done = subprocess.run(
        shell, input=text, cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    return Played(done.returncode, done.stdout + done.stderr)


def expanded(text: Any, variables: dict[str, str]) -> str:
    return VARIABLE.sub(lambda found: variables.get(found[1] or found[2], ""), str(text))


# --- GitLab ---------------------------------------------------------------------------------------


def gitlab_jobs(file: Path) -> dict[str, Any]:
    """The jobs of a file and of those that it includes, `extends` resolved."""
    found = yaml.safe_load(file.read_text("utf-8"))
    for each in found.pop("include", []):
        found |= yaml.safe_load((file.parent / each["local"]).read_text("utf-8"))
    return {name: _extended(found, job) for name, job in found.items()}


def _extended(jobs: dict[str, Any], job: dict[str, Any]) -> dict[str, Any]:
    base = jobs[job["extends"]] if "extends" in job else {}
    variables = {**base.get("variables", {}), **job.get("variables", {})}
    return {**base, **job, "variables": variables}


def play_gitlab(
    jobs: dict[str, Any], checkout: Any, variables: dict[str, str], secrets: dict[str, str]
) -> dict[str, Played]:
    """Every job whose rules hold, each in a clone of its own, which `checkout` makes."""
    done = {}
    for name, job in jobs.items():
        if name.startswith(".") or not gitlab_rules(job, variables):
            continue
        folder = checkout()
        given = {**secrets, **variables, "CI_JOB_NAME": name, "CI_PROJECT_DIR": str(folder)}
        for word, value in job["variables"].items():
            given[word] = expanded(value, given)
        lines = [*job.get("before_script", []), *job["script"]]
        text = "\n".join(["set -eo pipefail", *map(str, lines)])
        found = script(text, ["bash"], folder, given)
        kept = job.get("artifacts", {})
        if not found.code or kept.get("when") == "always":
            reports = [p for r in kept.get("reports", {}).values() for p in _listed(r)]
            for path in (*_listed(kept.get("paths", [])), *reports):
                path = expanded(path, given)
                if (folder / path).is_file():
                    found.artifacts[path] = (folder / path).read_bytes()
        done[name] = found
    return done


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def gitlab_rules(job: dict[str, Any], variables: dict[str, str]) -> bool:
    """Whether the first rule that holds starts the job; a manual one only by hand."""
    for rule in job.get("rules", [{}]):
        if "if" not in rule or _holds(rule["if"], variables):
            when = rule.get("when", "on_success")
            return when == "on_success" or (when == "manual" and "BY_HAND" in variables)
    return False


def _holds(text: str, variables: dict[str, str]) -> bool:
    def one(part: str) -> bool:
        words = re.fullmatch(r"\s*(\$\w+|\"[^\"]*\")(?:\s*(==|!=)\s*(\$\w+|\"[^\"]*\"))?\s*", part)
        assert words, part
        left = _value(words[1], variables)
        if not words[2]:
            return bool(left)
        return (left == _value(words[3], variables)) == (words[2] == "==")

    return any(all(one(each) for each in part.split("&&")) for part in text.split("||"))


def _value(word: str, variables: dict[str, str]) -> str:
    return word[1:-1] if word[0] == '"' else variables.get(word[1:], "")


# --- Azure Pipelines ------------------------------------------------------------------------------

MACRO = re.compile(r"\$\(([\w.]+)\)")


def play_azure(
    file: Path,
    checkout: Any,
    variables: dict[str, str],
    secrets: dict[str, str],
    env: dict[str, str],
) -> dict[str, Played]:
    """Every stage whose condition holds. `variables` are those of a pipeline, with dots."""
    done = {}
    for stage in yaml.safe_load(file.read_text("utf-8"))["stages"]:
        if not _azure(stage["condition"], variables, failed=False):
            continue
        for job in stage["jobs"]:
            if "deployment" in job:
                job["steps"] = job["strategy"]["runOnce"]["deploy"]["steps"]
            done[stage["stage"]] = _azure_job(job, checkout(), variables, secrets, env)
    return done


def _azure_job(
    job: Any, folder: Path, variables: dict[str, str], secrets: dict[str, str], env: dict[str, str]
) -> Played:
    staging = folder.parent / f"{folder.name}-staging"
    staging.mkdir()
    known = {**variables, "Build.ArtifactStagingDirectory": str(staging)}
    given = {name.upper().replace(".", "_"): value for name, value in known.items()}
    whole = Played(0, "")
    for step in job["steps"]:
        if not _azure(step.get("condition", "succeeded()"), known, failed=bool(whole.code)):
            continue
        if "publish" in step:
            kept = Path(_macros(step["publish"], known, secrets))
            whole.artifacts |= {p.name: p.read_bytes() for p in kept.iterdir()}
        if "bash" in step:
            own = {k: _macros(v, known, secrets) for k, v in step.get("env", {}).items()}
            place = folder / _macros(step.get("workingDirectory", "."), known, secrets)
            text = _macros(step["bash"], known, secrets)
            words = ["bash", "--noprofile", "--norc", "-c", text]
            found = script("", words, place, {**env, **given, **own})
            whole.code = whole.code or found.code
            whole.log += found.log
    return whole


def _macros(text: Any, known: dict[str, str], secrets: dict[str, str]) -> str:
    """Macros of variables that are not there stay as they are."""
    names = {**known, **secrets}
    return MACRO.sub(lambda found: names.get(found[1], found[0]), str(text))


def _azure(condition: str, variables: dict[str, str], *, failed: bool) -> bool:
    """A condition: eq, in, and, always, succeeded over texts and variables['...']."""
    text = re.sub(
        r"variables\['([\w.]+)'\]", lambda found: repr(variables.get(found[1], "")), condition
    )
    text = re.sub(r"\b(and|in)\(", r"\1_(", text)
    names = {
        "__builtins__": {},
        "eq": lambda a, b: a == b,
        "ne": lambda a, b: a != b,
        "in_": lambda a, *rest: a in rest,
        "and_": lambda *parts: all(parts),
        "always": lambda: True,
        "succeeded": lambda: not failed,
    }
    holds = bool(eval(text, names))
    says = "always" in condition or "succeeded" in condition
    return holds and (says or not failed)


# --- Jenkins --------------------------------------------------------------------------------------


def jenkins_steps(file: Path) -> dict[str, list[tuple[str, str, str]]]:
    """The shell steps of each stage: folder, credential, script. The file is a declarative one."""
    text = file.read_text("utf-8")
    assert text.count("{") == text.count("}")
    stages: dict[str, list[tuple[str, str, str]]] = {}
    name = folder = credential = ""
    for row in text.splitlines():
        if found := re.search(r"stage\('(\w+)'\)", row):
            name, folder, credential = found[1], ".", ""
        if found := re.search(r"credentialsId: '([\w-]+)', variable: 'PEAK_AUTH_TOKEN'", row):
            credential = found[1]
        if found := re.search(r"dir\('([^']*)'\)", row):
            folder = found[1]
        if found := re.search(r"\bsh '([^']*)'", row):
            stages.setdefault(name, []).append((folder, credential, found[1]))
    return stages


def play_jenkins(
    steps: list[tuple[str, str, str]], checkout: Path, secrets: dict[str, str], env: dict[str, str]
) -> Played:
    """The shell steps of a stage, each with `sh -xe` as Jenkins starts it."""
    whole = Played(0, "")
    for folder, credential, text in steps:
        token = {"PEAK_AUTH_TOKEN": secrets[credential]} if credential else {}
        given = {**env, **token, "WORKSPACE": str(checkout), "PATH": env["PATH"] + os.pathsep}
        found = script(text, ["sh", "-xe"], checkout / folder, given)
        whole.log += found.log
        whole.code = whole.code or found.code
        if whole.code:
            break
    return whole
