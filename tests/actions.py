"""A runner of GitHub Actions, as far as its documentation tells of steps: for files of ours."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import yaml
from hosts import FakeHost

EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.S)
TOKEN = re.compile(r"'[^']*'|&&|\|\||==|!=|!|\(|\)|[A-Za-z_][\w.-]*(?:\(\))?|\s+")
HERE = Path(__file__).parent


class Evaluator:
    """Expressions over contexts: comparison, `&&`, `||`, `!`, texts, and `always()`."""

    def __init__(self, contexts: dict[str, Any]) -> None:
        self.contexts = contexts
        self.always = False

    def value(self, text: str) -> Any:
        words = {"&&": " and ", "||": " or ", "!": " not "}
        parts, values = [], {}
        at = 0
        for found in TOKEN.finditer(text):
            assert found.start() == at, text
            at = found.end()
            word = found[0]
            if word == "always()":
                self.always = True
                parts.append("True")
            elif word[0] == "'":
                parts.append(repr(word[1:-1]))
            elif word == "fromJSON":
                parts.append(word)
            elif word[0].isalpha() or word[0] == "_":
                name = f"v{len(values)}"
                values[name] = self._lookup(word)
                parts.append(name)
            else:
                parts.append(words.get(word, word))
        assert at == len(text), text
        names = {"__builtins__": {}, "fromJSON": json.loads}
        return eval("".join(parts).strip(), names, values)

    def text(self, template: Any) -> str:
        if isinstance(template, bool):
            return str(template).lower()
        return EXPRESSION.sub(lambda found: str(self.value(found[1]) or ""), str(template))

    def _lookup(self, path: str) -> Any:
        value: Any = self.contexts
        for word in path.split("."):
            value = value.get(word, "") if isinstance(value, dict) else ""
        return value


@contextmanager
def serving(host: FakeHost, root: str = "") -> Any:
    """A host in memory, on loopback; its API begins at the path `root`."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def answer(self) -> None:
            size = int(self.headers.get("Content-Length", 0))
            request = httpx.Request(
                self.command,
                f"{host.base.removesuffix(root)}{self.path}",
                headers=dict(self.headers),
                content=self.rfile.read(size),
            )
            response = host._handle(request)
            self.send_response(response.status_code)
            self.send_header("Content-Type", response.headers.get("content-type", "text/plain"))
            self.send_header("Content-Length", str(len(response.content)))
            self.end_headers()
            self.wfile.write(response.content)

        do_GET = do_POST = do_PATCH = do_PUT = answer  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    host.base = f"http://127.0.0.1:{server.server_port}{root}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Done:
    """What a job did: the exit code of its first failed step, and all that was printed."""

    code: int = 0
    log: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    used: list[str] = field(default_factory=list)

    def add(self, other: Done, *, passed: bool) -> None:
        """What a step did on top of what the job did before."""
        self.code = self.code or (0 if passed else other.code)
        self.log += other.log
        self.outputs |= other.outputs
        self.summary += other.summary
        self.used += other.used


@dataclass
class Runner:
    """Plays the jobs of a workflow in a checkout. `tools` has the programs that steps call."""

    checkout: Path
    temp: Path
    variables: dict[str, str]
    secrets: dict[str, str]
    artifacts: dict[str, dict[str, dict[str, bytes]]] = field(default_factory=dict)
    number: int = 0
    job_outputs: dict[str, str] = field(default_factory=dict)

    def play(self, workflow: str, github: dict[str, Any]) -> dict[str, Done]:
        """Every job whose condition holds, one after the other."""
        jobs = yaml.safe_load(workflow)["jobs"]
        base = {
            "github": {"token": "ghs_job", **github},
            "secrets": self.secrets,
            "runner": {"temp": str(self.temp)},
        }
        done: dict[str, Done] = {}
        needs: dict[str, Any] = {}
        for name, job in jobs.items():
            contexts = {**base, "github": {**base["github"], "job": name}, "needs": needs}
            condition = str(job.get("if", "")).removeprefix("${{").removesuffix("}}").strip()
            wanted = job.get("needs", [])
            if any(done.get(n, Done(1)).code for n in ([wanted] if wanted else [])):
                continue
            if condition and not Evaluator(contexts).value(condition):
                continue
            for matrix in self._matrix(job, contexts):
                title = " ".join([name, *matrix.values()])
                done[title] = self._job(name, job, {**contexts, "matrix": matrix})
                self._clean()
                needs[name] = {"outputs": self.job_outputs}
        return done

    def _matrix(self, job: dict[str, Any], contexts: dict[str, Any]) -> list[dict[str, Any]]:
        """The values of each job of a matrix; one without any where there is none."""
        found = job.get("strategy", {}).get("matrix")
        if found is None:
            return [{}]
        text = EXPRESSION.fullmatch(found)
        assert text, found
        return list(Evaluator(contexts).value(text[1])["include"])

    def _clean(self) -> None:
        """Each job has a checkout of its own: what the one before left is not there."""
        subprocess.run(["git", "clean", "-qxfd"], cwd=self.checkout, check=True)

    def _job(self, name: str, job: dict[str, Any], contexts: dict[str, Any]) -> Done:
        result = Done()
        contexts = {**contexts, "steps": {}}
        env = {k: Evaluator(contexts).text(v) for k, v in job.get("env", {}).items()}
        event = contexts["github"]
        env |= {
            "GITHUB_ACTIONS": "true",
            "CI": "true",
            "GITHUB_JOB": name,
            "GITHUB_REPOSITORY": event["repository"],
            "GITHUB_REF": event["ref"],
            "GITHUB_SHA": event["sha"],
            "GITHUB_BASE_REF": event.get("base_ref", ""),
            "GITHUB_EVENT_NAME": event["event_name"],
            "RUNNER_TEMP": str(self.temp),
            "GITHUB_EVENT_PATH": str(self._file("event.json", json.dumps(event["event"]))),
        }
        self._steps(job["steps"], env, contexts, result, "bash -e {0}")
        outputs = job.get("outputs", {}).items()
        self.job_outputs = {k: Evaluator(contexts).text(v) for k, v in outputs}
        return result

    def _steps(
        self, steps: list[Any], env: dict[str, str], contexts: Any, result: Done, shell: str
    ) -> None:
        for step in steps:
            evaluator = Evaluator(contexts)
            condition = str(step.get("if", "true"))
            holds = condition == "true" or evaluator.value(condition)
            if not holds or (result.code and not evaluator.always):
                continue
            if used := step.get("uses", ""):
                own = Done()
                self._use(used, step, env, contexts, own)
                result.add(own, passed=bool(step.get("continue-on-error")))
                outcome = {"outcome": "failure" if own.code else "success"}
                contexts["steps"][step.get("id", used)] = outcome
                continue
            own = {k: evaluator.text(v) for k, v in step.get("env", {}).items()}
            script = evaluator.text(step["run"])
            folder = self.checkout / evaluator.text(step.get("working-directory", "."))
            form = "bash --noprofile --norc -eo pipefail {0}" if step.get("shell") else shell
            outputs = self._run(script, folder, {**env, **own}, form, result)
            if name := step.get("id"):
                outcome = "failure" if result.code else "success"
                contexts["steps"][name] = {"outputs": outputs, "outcome": outcome}
                result.outputs |= outputs

    def _use(self, used: str, step: Any, env: Any, contexts: Any, result: Done) -> None:
        result.used.append(used)
        if not used.startswith("./"):
            name = used.partition("@")[0]
            given = {k: Evaluator(contexts).text(v) for k, v in step.get("with", {}).items()}
            if name == "actions/upload-artifact":
                self._upload(given, result)
            elif name == "actions/download-artifact":
                self._download(given, result)
            return
        action = yaml.safe_load((self.checkout / used / "action.yml").read_text("utf-8"))
        given = {k: Evaluator(contexts).text(v) for k, v in step.get("with", {}).items()}
        assert set(given) <= set(action["inputs"])
        inputs = {k: given.get(k, each.get("default", "")) for k, each in action["inputs"].items()}
        inner = {
            "github": contexts["github"],
            "inputs": inputs,
            "steps": {},
            "runner": contexts["runner"],
        }
        self._steps(action["runs"]["steps"], env, inner, result, "")

    def _upload(self, given: dict[str, str], result: Done) -> None:
        """Files keep their paths from the folder that they share; none at all is a warning."""
        paths = [self.checkout / row.strip() for row in given["path"].splitlines() if row.strip()]
        files = [path for path in paths if path.is_file()]
        if files:
            mine = self.artifacts.setdefault(self.variables["GITHUB_RUN_ID"], {})
            assert given["name"] not in mine or given.get("overwrite") == "true", given
            mine[given["name"]] = {path.name: path.read_bytes() for path in files}
        else:
            result.log += "Warning: No files were found with the provided path\n"

    def _download(self, given: dict[str, str], result: Done) -> None:
        run = given.get("run-id", self.variables["GITHUB_RUN_ID"])
        files = self.artifacts.get(run, {}).get(given["name"])
        if files is None:
            result.log += "Error: Unable to download artifact(s): Artifact not found\n"
            result.code = 1
            return
        folder = self.checkout / given.get("path", ".")
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (folder / name).write_bytes(data)

    def _run(
        self, script: str, folder: Path, env: dict[str, str], form: str, result: Done
    ) -> dict[str, str]:
        outputs, summary = self._file("outputs", ""), self._file("summary", "")
        file = self._file("step.sh", script)
        variables = {
            "PATH": f"{self.temp / 'tools'}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.temp),
            "GITHUB_OUTPUT": str(outputs),
            "GITHUB_STEP_SUMMARY": str(summary),
            **self.variables,
            **env,
        }
        done = subprocess.run(
            form.replace("{0}", str(file)).split(),
            cwd=folder,
            env=variables,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=120,
            check=False,
        )
        result.log += done.stdout + done.stderr
        result.summary += summary.read_text("utf-8")
        result.code = result.code or done.returncode
        return dict(row.split("=", 1) for row in outputs.read_text("utf-8").splitlines())

    def _file(self, name: str, text: str) -> Path:
        self.number += 1
        path = self.temp / f"{self.number}-{name}"
        path.write_text(text, "utf-8")
        return path

    def install(self) -> None:
        """`peakctl` of this checkout; `pip install` has nothing to do."""
        tools = self.temp / "tools"
        tools.mkdir(parents=True)
        python = sys.executable
        scripts = {
            "peakctl": f'exec {python} -m peakctl "$@"',
            "pip": 'test "$1" = install',
            "gh": f'exec {python} {HERE / "fake_gh.py"} {self.temp.parent / "issues.json"} "$@"',
            "python": f'if [ "$1 $2 $3" = "-m pip install" ]; then exit; fi; exec {python} "$@"',
        }
        for name, text in scripts.items():
            (tools / name).write_text(f"#!/bin/bash\n{text}\n")
            (tools / name).chmod(0o755)
