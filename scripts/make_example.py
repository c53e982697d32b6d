"""Writes manifests-examples/five-hundred, a chain of shops: 500 resources, always the same bytes.

python scripts/make_example.py [FOLDER]
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).resolve().parent.parent
Document = dict[str, Any]
PRODUCTS = (
    *("apples", "bread", "butter", "cheese", "coffee", "dates", "eggs", "figs"),
    *("grapes", "honey", "jam", "kale", "lentils", "milk", "nuts", "oats"),
    *("pasta", "quinces", "rice", "salt", "tea", "vinegar", "walnuts", "yeast"),
)
REGIONS = ("north", "east", "south", "west")
WORKFLOW_SIZES = (
    "Pico (0.125CPU, 0.125GB RAM)",
    "Nano (0.25CPU, 0.5GB RAM)",
    "Small (1CPU, 2GB RAM)",
)
SERVICE_SIZES = ("Nano (0.25CPU, 1GB RAM)", "Micro (0.5CPU, 1GB RAM)")


def subject(number: int) -> str:
    """The same name for the same number: `apples-north`, `bread-east`, ..., `apples-north-2`."""
    product, region = PRODUCTS[number % len(PRODUCTS)], REGIONS[number % len(REGIONS)]
    turn = number // len(PRODUCTS)
    return f"{product}-{region}" + (f"-{turn + 1}" if turn else "")


def document(kind: str, metadata: Document, spec: Document) -> Document:
    return {"apiVersion": "peakctl/v1", "kind": kind, "metadata": metadata, "spec": spec}


def artifact(n: int) -> Document:
    name = f"prices-{subject(n)}"
    return document("Artifact", {"name": name}, {"artifact": {"path": "src/prices"}})


def image(n: int) -> Document:
    kind = ("workflow", "api", "webapp")[n % 3]
    spec: Document = {"type": kind}
    if n % 5:
        text = f"FROM python:3.12-slim\nENV SUBJECT={subject(n)}\nCMD python -m demand\n"
        spec["buildDetails"] = {"source": "dockerfile", "dockerfile": text}
    else:
        arguments = [{"name": "SUBJECT", "value": subject(n)}]
        spec["buildDetails"] = {"buildArguments": arguments}
        spec["artifact"] = {"path": "src/demand"}
    return document("Image", {"name": f"image-{subject(n)}"}, spec)


def image_for(n: int, kind: int) -> str:
    """The name of an image of that sort (0 workflow, 1 api, 2 web app); there are 60 images."""
    return f"image-{subject((3 * n + kind) % 60)}"


def service(n: int) -> Document:
    is_api = n % 3 > 0
    spec: Document = {
        "serviceType": "api" if is_api else "web-app",
        "imageDetails": {"name": image_for(n, 1 if is_api else 2)},
        "resources": {"instanceType": SERVICE_SIZES[n % 2]},
        "parameters": {"env": {"SUBJECT": subject(n), "ROUNDING": str(n % 3)}},
    }
    if is_api:
        spec |= {"healthCheckURL": "/health", "minInstances": 1 + n % 2}
    return document(
        "Service", {"name": f"service-{subject(n)}", "title": f"Demand: {subject(n)}"}, spec
    )


def workflow(n: int) -> Document:
    machine = {"instanceType": WORKFLOW_SIZES[n % 3], "storage": "10GB"}
    images = {"imageDetails": {"name": image_for(n, 0)}}
    spec: Document = {
        "steps": {
            "load": {**images, "command": f"python load.py {subject(n)}", "resources": machine},
            "train": {**images, "command": "python train.py", "parents": ["load"]},
            "score": {**images, "command": "python score.py", "parents": ["train"]},
        }
    }
    if n % 2:
        spec["triggers"] = [{"cron": f"{n % 60} {n % 6} * * *"}]
    return document(
        "Workflow", {"name": f"workflow-{subject(n)}", "tags": [{"name": REGIONS[n % 4]}]}, spec
    )


def block(n: int) -> Document:
    step = {
        "imageDetails": {"name": image_for(n, 0)},
        "command": "@param:command",
        "resources": {"instanceType": WORKFLOW_SIZES[n % 3], "storage": "10GB"},
    }
    build = {
        "name": "command",
        "type": "string",
        "required": False,
        "defaultValue": "python run.py",
    }
    run = {"name": "days", "type": "number", "required": False, "defaultValue": 7 + n % 21}
    spec = {
        "kind": "workflow",
        "release": {"notes": f"Demand of {subject(n)}"},
        "parameters": {"build": [build], "run": [run]},
        "config": {"steps": {"run": step}},
    }
    return document(
        "BlockSpec", {"name": f"block-{subject(n)}", "summary": f"Demand of {subject(n)}"}, spec
    )


def app(n: int) -> Document:
    config = [{"name": f"block-{subject(4 * n + k)}"} for k in range(2)]
    name = f"app-{subject(n)}"
    return document(
        "AppSpec", {"name": name, "summary": f"Blocks of {subject(n)}"}, {"config": config}
    )


def deployment(n: int) -> Document:
    if n < 20:
        spec: Document = {"appSpec": {"name": f"app-{subject(n)}"}}
    else:
        run = {"days": 14 + n % 7}
        spec = {"blockSpec": {"name": f"block-{subject(n - 20)}"}, "parameters": {"run": run}}
    return document("Deployment", {"name": f"deployment-{subject(n)}", "title": subject(n)}, spec)


MAKERS: tuple[tuple[str, str, Callable[[int], Document], int], ...] = (
    ("artifacts", "artifact", artifact, 10),
    ("images", "image", image, 60),
    ("services", "service", service, 90),
    ("workflows", "workflow", workflow, 140),
    ("blocks", "block-spec", block, 80),
    ("apps", "app-spec", app, 20),
    ("deployments", "deployment", deployment, 100),
)


def flow(value: Any) -> str:
    """A value on one line; words without quotes, where that is not ambiguous."""
    match value:
        case dict():
            return "{" + ", ".join(f"{key}: {flow(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(flow, value)) + "]"
        case str() if re.fullmatch(r"[A-Za-z][A-Za-z0-9./ -]*[A-Za-z0-9]", value):
            return value
        case _:
            return json.dumps(value)


def is_long(value: Document, width: int, indent: int) -> bool:
    nested = any(isinstance(item, dict) for item in value.values())
    return width > 90 or (nested and indent < 4)


def lines(value: Any, indent: int = 0) -> Iterator[str]:
    """A map as YAML lines; what is short goes on one line, as people write it."""
    for key, item in value.items():
        head = f"{' ' * indent}{key}:"
        short = flow(item)
        if isinstance(item, str) and "\n" in item:
            yield f"{head} |"
            yield from (f"{' ' * (indent + 2)}{line}" for line in item.splitlines())
        elif isinstance(item, dict) and is_long(item, len(head) + len(short), indent):
            yield head
            yield from lines(item, indent + 2)
        else:
            yield f"{head} {short}"


def manifest(schema: str, documents: list[Document]) -> str:
    head = f"# yaml-language-server: $schema=../../schemas/{schema}.json\n"
    return head + "---\n".join("\n".join(lines(each)) + "\n" for each in documents)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema, make, count in MAKERS:
        text = manifest(schema, [make(n) for n in range(count)])
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "manifests-examples" / "five-hundred")
