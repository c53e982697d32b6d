"""Stacks of any size in one mix: of 100 resources 20 images, 30 services and 50 workflows.

Every service and every workflow refers to one image by name; machines are given by id, so that
nothing but the three listings has to be looked up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROJECT = """project: bench
manifests: [manifests]
environments:
  bench: {stage: dev}
"""
IMAGE = """apiVersion: peakctl/v1
kind: Image
metadata:
  name: bench-image-{n}
  description: Image {n} of the benchmark
spec:
  type: workflow
  buildDetails:
    source: dockerfile
    useCache: true
    dockerfile: |
      FROM python:3.12-slim
      RUN pip install --no-cache-dir pandas
      COPY step_{n}.py /app/
"""
SERVICE = """apiVersion: peakctl/v1
kind: Service
metadata:
  name: bench-service-{n}
  title: Service {n}
  description: Service {n} of the benchmark
spec:
  serviceType: api
  imageDetails:
    name: bench-image-{image}
  resources:
    instanceTypeId: 45
  parameters:
    env:
      LOG_LEVEL: info
      NUMBER: "{n}"
    secrets: [DB_PASSWORD]
  healthCheckURL: /health
  minInstances: 1
"""
WORKFLOW = """apiVersion: peakctl/v1
kind: Workflow
metadata:
  name: bench-workflow-{n}
  tags:
    - name: bench
spec:
  triggers:
    - cron: "{minute} 2 * * *"
  watchers:
    - user: someone@example.com
      events:
        success: false
        fail: true
  retryOptions:
    duration: 10
    numberOfRetries: 2
  steps:
    load:
      type: standard
      imageDetails:
        name: bench-image-{image}
      command: python load.py --number {n}
      resources:
        instanceTypeId: 21
        storage: 10GB
      parameters:
        env:
          NUMBER: "{n}"
          STAGE: load
    train:
      type: standard
      imageDetails:
        name: bench-image-{image}
      command: python train.py --number {n}
      parents:
        - load
      resources:
        instanceTypeId: 23
        storage: 20GB
      parameters:
        env:
          NUMBER: "{n}"
          STAGE: train
    score:
      type: standard
      imageDetails:
        name: bench-image-{image}
      command: python score.py --number {n}
      parents:
        - train
      resources:
        instanceTypeId: 21
        storage: 10GB
"""


def sizes(total: int) -> tuple[int, int, int]:
    """How many images, services and workflows a stack of `total` has."""
    images, services = max(1, total // 5), total * 3 // 10
    return images, services, total - images - services


def documents(total: int) -> Iterator[tuple[str, str]]:
    """(kind, text) of each document."""
    images, services, workflows = sizes(total)
    for n in range(images):
        yield "images", IMAGE.format(n=n)
    for n in range(services):
        yield "services", SERVICE.format(n=n, image=n % images)
    for n in range(workflows):
        yield "workflows", WORKFLOW.format(n=n, image=n % images, minute=n % 60)


def write_stack(folder: Path, total: int) -> None:
    """A project of three files in `folder`."""
    texts: dict[str, list[str]] = {}
    for kind, text in documents(total):
        texts.setdefault(kind, []).append(text)
    (folder / "manifests").mkdir(parents=True)
    (folder / "peakctl.yaml").write_text(PROJECT, encoding="utf-8")
    for kind, found in texts.items():
        (folder / "manifests" / f"{kind}.yaml").write_text("---\n".join(found), encoding="utf-8")
