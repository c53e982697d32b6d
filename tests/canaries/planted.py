"""A project of every kind whose secrets are words that occur nowhere else, and what searches."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

PROJECT = """project: canaries
manifests: [manifests]
environments: {dev: {stage: dev, tenant: canary.peak.example}}
"""
MANIFESTS = """apiVersion: peakctl/v1
kind: Artifact
metadata: {name: data, description: "From {{ os_env.C_TEXT }} with love"}
spec: {artifact: {path: ../src}}
---
apiVersion: peakctl/v1
kind: Image
metadata: {name: train, description: "{{ os_env.C_TEXT }}"}
spec:
  type: workflow
  buildDetails:
    source: upload
    buildArguments: [{name: PIP, value: {{ build | tojson }}}]
  artifact: {path: ../src}
---
apiVersion: peakctl/v1
kind: Image
metadata: {name: serve, description: plain words stay}
spec:
  type: api
  version: {{ version }}
  buildDetails:
    source: github
    repository: https://github.com/example/serve
    branch: main
    token: {{ repository }}
    buildArguments: [{name: KEY, value: "{{ os_env.C_ODD }}"}]
---
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: nightly, tags: [{name: visible-tag}]}
spec:
  triggers: [{cron: "0 2 * * *"}]
  watchers:
    - webhook: {name: chat, url: "{{ hook }}", payload: "{{ os_env.C_TEXT }}"}
      events: {success: true, fail: true}
  steps:
    train:
      imageDetails: {name: train}
      command: python train.py --key {{ os_env.C_CMD }}
      stepTimeout: {{ os_env.C_NUMBER | int }}
      resources: {instanceTypeId: 21, storage: 10GB}
      parameters: {env: {KEY: "{{ os_env.C_STEP }}", VISIBLE: visible-value}}
    ask:
      type: http
      method: post
      url: https://example.com/visible
      payload: '{"key": "{{ os_env.C_STEP }}"}'
      headers: {absolute: {X-Key: "{{ header }}"}}
    query:
      type: sql
      repository:
        url: https://github.com/example/q
        branch: main
        token: "{{ repository }}"
        filePath: a.sql
---
apiVersion: peakctl/v1
kind: Service
metadata: {name: api, title: Visible title, description: "{{ os_env.C_TEXT }}"}
spec:
  serviceType: api
  imageDetails: {name: serve}
  resources: {instanceTypeId: 45}
  parameters:
    env:
      LINES: {{ os_env.C_LINES | tojson }}
      ODD: {{ os_env.C_ODD | tojson }}
      VISIBLE: visible-value
---
apiVersion: peakctl/v1
kind: Webapp
metadata: {name: board, title: "{{ os_env.C_TEXT }}"}
spec: {imageDetails: {name: peak-pages}, resources: {instanceTypeId: 1}}
---
apiVersion: peakctl/v1
kind: BlockSpec
metadata: {name: block, title: Block, summary: "{{ os_env.C_TEXT }}"}
spec:
  kind: workflow
  scope: private
  artifact: {path: ../src}
  release: {notes: "{{ os_env.C_TEXT }}"}
  parameters:
    build:
      - {name: key, type: string, required: true, hideValue: true}
      - {name: plain, type: string, required: true}
    run:
      - {name: key, type: string, required: false, hideValue: true}
      - name: mode
        type: string
        required: false
        options: [{title: A, value: "{{ os_env.C_STEP }}"}, {title: B, value: b}]
  config:
    watchers:
      - webhook: {name: chat, url: "{{ hook }}", payload: hello}
        events: {success: true, fail: true}
    images:
      main:
        context: .
        dockerfile: Dockerfile
        version: 0.0.1
        buildArguments: {KEY: "{{ build }}"}
    steps:
      one:
        type: standard
        imageRef: main
        command: "@param:plain"
        resources: {instanceTypeId: 21, storage: 10GB}
        parameters: {env: {KEY: "{{ os_env.C_STEP }}", HIDDEN: "@param:key"}}
      two:
        type: http
        method: get
        url: https://example.com/visible
        headers: {absolute: {X-Key: "{{ header }}"}}
---
apiVersion: peakctl/v1
kind: AppSpec
metadata: {name: app, title: App, summary: "{{ os_env.C_TEXT }}"}
spec: {scope: private, config: [{name: block}]}
---
apiVersion: peakctl/v1
kind: Deployment
metadata: {name: deployed, title: "{{ os_env.C_TEXT }}", summary: S}
spec:
  blockSpec: {name: block}
  parameters:
    build: {key: {{ hidden }}, plain: visible-value}
    run: {key: {{ hidden }}, mode: "{{ os_env.C_STEP }}"}
---
apiVersion: peakctl/v1
kind: Deployment
metadata: {name: whole, title: Whole, summary: S}
spec:
  appSpec: {name: app}
  parameters: {block: {build: {key: {{ hidden }}, plain: visible-value}, run: {key: {{ hidden }}}}}
"""
ENVIRONMENT = ("C_TEXT", "C_CMD", "C_STEP", "C_ODD", "C_LINES")
TYPED = ("build", "repository", "hook", "header", "hidden")


class Canaries:
    """The secrets of one round; `cores` are the words that must not be found."""

    def __init__(self, round_: str) -> None:
        self.round = round_
        self.number = {"1": "731905", "2": "731906"}[round_]
        words = {name: f"cnry{name.replace('_', '').lower()}{round_}" for name in ENVIRONMENT}
        self.environment = {
            **words,
            "C_ODD": f"a\"b'{words['C_ODD']} \\ {{é}}: #",
            "C_LINES": f"first {words['C_LINES']}\nsecond {words['C_LINES']}x\n",
            "C_NUMBER": self.number,
            "PEAK_AUTH_TOKEN": f"Bearer cnrytoken{round_}",
        }
        self.typed = {name: f"cnryp{name}{round_}" for name in TYPED}
        self.typed["hook"] = f"https://hooks.example.com/{self.typed['hook']}"

    @property
    def arguments(self) -> list[str]:
        return self.arguments_for(MANIFESTS)

    def arguments_for(self, text: str) -> list[str]:
        """The parameters that manifests with this text use: others would be refused."""
        given = {**self.typed, "version": f"0.0.{self.round}"}
        used = [(k, v) for k, v in given.items() if re.search(rf"\{{\{{[^}}]*\b{k}\b", text)]
        return [word for k, v in used for word in ("-p", f"{k}={v}")]


WORD = re.compile("cnry[a-z]+[12]")
NUMBER = re.compile("73190[56]")
DIGEST = re.compile("[0-9a-f]{8,}")
"""Digits that are random, so that one in some thousand runs finds those of a number by chance."""


class Hostile(httpx.AsyncBaseTransport):
    """The emulator behind answers that repeat what they were told; `answer` decides which."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self.inner = inner
        self.answer: Callable[[httpx.Request, bytes], httpx.Response | None] = lambda *_: None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        found = self.answer(request, body)
        if isinstance(found, httpx.Response):
            return found
        copy = httpx.Request(request.method, request.url, headers=request.headers, content=body)
        return await self.inner.handle_async_request(copy)


class Place:
    """The project, the platform, and everything that has been written so far."""

    def __init__(self, folder: Path, command: Any, hostile: Hostile, emulator: Any, env: Any):
        self.folder, self._command, self.hostile = folder, command, hostile
        self.emulator, self.env = emulator, env
        self.outputs: list[str] = []
        self.ledgers: list[bytes] = []
        self.histories: list[bytes] = []
        self.digested: dict[str, bytes] = {}
        self.canaries = Canaries("1")
        self.turn("1")

    def turn(self, round_: str) -> None:
        """From now on the secrets have other values."""
        self.canaries = Canaries(round_)
        for name, value in self.canaries.environment.items():
            self.env.setenv(name, value)

    def command(self, *args: str) -> Any:
        """A command, whose output is kept for the search at the end."""
        run = self._command(*args)
        self.outputs += [run.out, run.err]
        return run

    def run(self, *args: str) -> Any:
        """A command, whose output is searched before it is given back."""
        bare = args[0] == "get" or (args[0] == "ledger" and args[1] != "rebuild")
        texts = [p.read_text("utf-8") for p in (self.folder / "manifests").rglob("*.yaml")]
        typed = () if bare else self.canaries.arguments_for("\n".join(texts))
        run = self.command(*args, "-e", "dev", *typed)
        found = leaks(run.out) + leaks(run.err)
        assert not found, found
        assert "internal/" not in run.err or "internal" in args, run.err
        return run

    def secrets_live(self) -> list[str]:
        """What the platform stores of deployments, secrets and all."""
        rows = self.emulator.store._db.execute(
            "SELECT json_extract(body, '$.parameters') FROM items WHERE kind LIKE '%-deployment'"
        )
        return sorted(str(row[0]) for row in rows)

    def search(self) -> None:
        """Everything that was written holds no canary, and no digest that is quickly found out."""
        files = [(str(p), p.read_bytes()) for p in self.files()]
        ledgers = [("a ledger", data) for data in self.ledgers]
        ledgers += [("a history", data) for data in self.histories]
        for name, data in (*files, *ledgers):
            held = leaks(data.decode("utf-8", "replace"))
            assert not held, (name, held)
        told = [out.encode() for out in self.outputs]
        everything = b"\n".join((*told, *(data for _, data in (*files, *ledgers))))
        for digest, data in self.digested.items():
            quick = leaks(data.decode("utf-8", "replace"))
            assert not (quick and digest.encode() in everything), "digested without scrypt"
        salts = set(re.findall(rb'"salt": "([0-9a-f]+)"', everything))
        found = [word for word in quick_digests(salts) if word in everything]
        assert not found, found

    def files(self) -> Iterator[Path]:
        return (p for p in self.folder.rglob("*") if p.is_file() and "sqlite" not in p.name)


def leaks(text: str) -> list[str]:
    """The lines of a text that hold a canary."""
    return [
        row for row in text.splitlines() if WORD.search(row) or NUMBER.search(DIGEST.sub("", row))
    ]


def quick_digests(salts: set[bytes]) -> Iterator[bytes]:
    """Digests that anybody could compare with those of guesses: of each canary, as it may stand."""
    texts: set[bytes] = set()
    for round_ in ("1", "2"):
        planted = Canaries(round_)
        for text in (*planted.environment.values(), *planted.typed.values()):
            words = {text, json.dumps(text), f"secret:{text}", f'"secret:{text}"'}
            texts |= {word.encode() for word in words}
    salted = {mark.join((salt, text)) for salt in salts for text in texts for mark in (b"", b":")}
    for text in texts | salted:
        for name in ("md5", "sha1", "sha256"):
            made = hashlib.new(name, text, usedforsecurity=False).digest()
            yield made.hex().encode()
            yield base64.b64encode(made).rstrip(b"=")
            yield base64.urlsafe_b64encode(made).rstrip(b"=")
