"""A project in a git repository, on an emulator: what runs of several commits leave behind."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

PROJECT = "project: shop\nmanifests: [manifests]\nenvironments: {local: {emulator: true}}\n"
IMAGE = """\
apiVersion: peakctl/v1
kind: Image
metadata: {name: forecast}
spec:
  type: workflow
  buildDetails: {source: upload, context: ., dockerfilePath: Dockerfile}
  artifact: {path: ../src}
"""
FLOW = """\
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: nightly}
spec:
  steps:
    train:
      imageDetails: {name: forecast}
      command: python train.py --token {{ os_env.TOKEN }} %s
      resources: {instanceType: "Pico (0.125CPU, 0.125GB RAM)", storage: 10GB}
"""


class Shop:
    """A project in a repository, on an emulator."""

    def __init__(self, folder: Path, emulator: Any, clock: Any, peakctl: Any) -> None:
        self.folder, self.emulator, self.clock = folder, emulator, clock
        self._peakctl = peakctl
        self.write("peakctl.yaml", PROJECT)
        self.write("manifests/i.yaml", IMAGE)
        self.write("src/Dockerfile", "FROM python:3.12\n")
        self.git("init", "-q", "-b", "main")
        self.version("a")

    def git(self, *words: str) -> str:
        options = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        command = ["git", *options, *words]
        done = subprocess.run(command, cwd=self.folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def version(self, word: str) -> str:
        """A commit whose files all have the word in them."""
        self.write("manifests/w.yaml", FLOW % word)
        self.write("src/train.py", f"word = '{word}'\n")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", word)
        return self.git("rev-parse", "HEAD")

    def run(self, *words: str) -> Any:
        return self._peakctl(*words, "-e", "local", emulator=self.emulator)

    def done(self, *words: str, code: int = 0) -> Any:
        done = self.run(*words)
        assert done.code == code, done.out + done.err
        self.clock.time += 60
        return done

    def runs(self) -> Any:
        return json.loads(self.done("history", "-o", "json").out)["history"]["runs"]

    def sent(self) -> list[str]:
        reads = ("GET", "HEAD")
        return [f"{r.method} {r.path}" for r in self.emulator.requests if r.method not in reads]
