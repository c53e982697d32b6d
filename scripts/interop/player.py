"""Tells the story with one release of the client."""

from __future__ import annotations

import ast
import contextlib
import json
import re
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from interop.checks import MISSING, at, unlike, unlike_folder, unmet
from interop.story import FOLDER, Step, fill, load_story, read_answers

IGNORED = ("debug.log", "private.txt")
PATIENCE = 15.0
PAUSE = 0.05


class Client:
    """A process that runs commands of the real client; see client.py."""

    def __init__(self, python: Path, endpoint: str) -> None:
        self._process = subprocess.Popen(
            [str(python), str(FOLDER / "client.py"), endpoint],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(
        self, argv: list[str], cwd: Path, *, telemetry: bool = False, **env: str
    ) -> dict[str, Any]:
        """One command: `exit`, `out` and `err`."""
        env = {"PEAK_AUTH_TOKEN": "interop", "COLUMNS": "250", **env}
        job = {"argv": argv, "cwd": str(cwd), "env": env, "telemetry": telemetry}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        self._process.communicate(timeout=30)


def read_json(out: str) -> Any:
    """What the client printed, behind its progress bar; MISSING when it is no JSON."""
    found = re.search(r"^(\{|\[|true$|false$)", out, re.MULTILINE)
    text = out[found.start() :] if found else ""
    for read in (json.loads, ast.literal_eval):  # 1.8.0 prints a list as Python does
        with contextlib.suppress(ValueError, SyntaxError):
            return read(text)
    return MISSING


@dataclass
class Player:
    """Runs the steps in `work`; `samples` is the package's folder of sample files."""

    client: Client
    samples: Path
    work: Path
    kept: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.project = self.work / "project"
        for name in ("project", "bodies", "downloads"):
            (self.work / name).mkdir(parents=True)
            self.kept[name] = str(self.work / name)
        self._write(yaml.safe_load((FOLDER / "project.yaml").read_text()))
        self._answers = {**read_answers("answers.yaml"), **read_answers("newer.yaml")}

    def _write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = self.project / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def play(self, step: Step) -> list[str]:
        """What went wrong with a step, nothing if all is well."""
        try:
            self._write(step.write)
            argv = [self._word(word, step) for word in step.words]
            step_env = fill(step.env, self.kept)
            problems = self._patiently(step, argv, step_env)
        except KeyError as error:
            return [f"needs {error.args[0]}, which an earlier step did not yield"]
        for output in () if problems else step.also:
            problems += self._rendered(argv, output)
        return problems

    def _word(self, word: str, step: Step) -> str:
        if not word.startswith("@"):
            return str(fill(word, self.kept)).replace("\\n", "\n")
        if word == "@body":
            text = yaml.safe_dump(fill(step.body, self.kept))
        else:
            text = (self.samples / word[1:]).read_text()
        for old, new in step.replace.items():
            if old in text:
                text = text.replace(old, str(fill(new, self.kept)))
        path = self.work / "bodies" / (word[1:].replace("/", "-").removesuffix(".yaml") + ".yaml")
        path.write_text(text)
        return str(path)

    def _patiently(self, step: Step, argv: list[str], env: dict[str, str]) -> list[str]:
        until = time.monotonic() + (PATIENCE if step.wait else 0)
        while True:
            done = self.client.run(argv, self.project, telemetry=step.telemetry, **env)
            problems = self._judge(step, done)
            if not problems or time.monotonic() >= until:
                return problems
            time.sleep(PAUSE)

    def _judge(self, step: Step, done: dict[str, Any]) -> list[str]:
        if done["exit"] != step.exit:
            last = (done["err"] or done["out"]).strip().splitlines()[-1:] or [""]
            return [f"exit code {done['exit']}, not {step.exit}: {last[0]}"]
        if step.exit:
            return [] if step.error in done["err"] else [f"stderr does not say {step.error!r}"]
        problems = [f"does not print {said!r}" for said in step.says if said not in done["out"]]
        return problems + self._judge_files(step) + self._judge_answer(step, done["out"])

    def _judge_answer(self, step: Step, out: str) -> list[str]:
        documented = step.answer or self._answers[step.command]
        if documented == "nothing" or step.answer == "text" or "--follow" in step.words:
            return []
        value = read_json(out)
        if value is MISSING:
            return ["prints no JSON"]
        expected = {str(fill(k, self.kept)): fill(v, self.kept) for k, v in step.expect.items()}
        problems = unlike(value, documented) + unmet(value, expected, fill(step.absent, self.kept))
        for name, path in step.keep.items():
            self.kept[name] = at(value, path)
            if self.kept[name] is MISSING:
                del self.kept[name]
                problems.append(f"{path} is missing")
        return problems

    def _judge_files(self, step: Step) -> list[str]:
        problems = []
        if step.zip:
            archive = Path(fill(step.zip, self.kept))
            problems = unlike_folder(archive, self.project, IGNORED)
        if step.same_file:
            first, second = (Path(name).read_bytes() for name in fill(step.same_file, self.kept))
            problems += [] if first == second else [f"{step.same_file} differ"]
        if step.has_file and not Path(fill(step.has_file, self.kept)).read_bytes():
            problems.append(f"{step.has_file} is empty")
        return problems

    def _rendered(self, argv: list[str], output: str) -> list[str]:
        """The same once more as a table or YAML: the client's own reading of the answer."""
        done = self.client.run([*argv, "-o", output], self.project)
        if done["exit"]:
            return [f"-o {output}: exit code {done['exit']}: {done['err'].strip()[-200:]}"]
        empty = output == "table" and "No data to display" in done["out"]
        return [f"-o {output} shows nothing"] * empty


def play_story(player: Player, release: str, spoke: str = "") -> dict[str, list[str]]:
    """command -> what went wrong in this release; a command that was not played has no entry."""
    found: dict[str, list[str]] = {}
    for step in load_story():
        if step.is_for(release) and step.spoke == spoke:
            problems = player.play(step)
            heard = found.setdefault(step.command, [])
            heard += [f"{problem} ({step.where})" for problem in problems]
    return found
