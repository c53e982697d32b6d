"""Write tests/data/hosts/github.json: what GitHub itself says of the calls that peakctl makes.

    npm pack @octokit/openapi && tar xzf octokit-openapi-*.tgz
    python scripts/write_host_api.py package

The package is GitHub's OpenAPI description (MIT). Kept are path, parameters, the schema of the
body and the types of what it answers; texts and examples are left out, and objects three levels
down have no properties. tests/hosts.py holds every request and answer to it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parent.parent / "tests" / "data" / "hosts" / "github.json"
OPERATIONS = (
    "actions/download-artifact",
    "actions/get-workflow-run",
    "actions/get-workflow-run-attempt",
    "actions/list-workflow-run-artifacts",
    "actions/list-workflow-runs-for-repo",
    "issues/create-comment",
    "issues/list-comments",
    "issues/list-events",
    "issues/update-comment",
    "pulls/get",
    "pulls/list",
    "pulls/list-files",
    "pulls/list-reviews",
    "repos/compare-commits",
    "repos/get-collaborator-permission-level",
    "repos/list-pull-requests-associated-with-commit",
    "users/get-authenticated",
)
"""What is called, or what a fake answers; add to it, and run this again."""
LEFT_OUT = frozenset({"title", "description", "example", "examples", "default", "deprecated"})
LEVELS = 3


def excerpt(document: dict[str, Any], version: str) -> dict[str, Any]:
    """The part of a description (references resolved) that `OPERATIONS` name."""
    paths: dict[str, Any] = {}
    for path, operations in document["paths"].items():
        for method, each in operations.items():
            if each.get("operationId") in OPERATIONS:
                paths.setdefault(path, {})[method] = operation(each)
    source = (
        f"npm package @octokit/openapi {version} (MIT), generated/api.github.com.deref.json:"
        " an excerpt written by scripts/write_host_api.py"
    )
    servers = [{"url": "https://api.github.com"}]
    return {"source": source, "servers": servers, "paths": dict(sorted(paths.items()))}


def operation(found: dict[str, Any]) -> dict[str, Any]:
    """One operation: who it is, what it takes, and what it answers where it succeeds."""
    parameters = [
        {
            "name": each["name"],
            "in": each["in"],
            "required": bool(each.get("required")),
            "schema": plain(each["schema"]),
        }
        for each in found["parameters"]
    ]
    kept: dict[str, Any] = {"operationId": found["operationId"], "parameters": parameters}
    if "requestBody" in found:
        kept["requestBody"] = plain(found["requestBody"]["content"]["application/json"]["schema"])
    kept["responses"] = {
        status: types(answer.get("content", {}).get("application/json", {}).get("schema", {}))
        for status, answer in found["responses"].items()
        if status.startswith(("2", "30"))
    }
    return kept


def plain(schema: Any) -> Any:
    """A schema without texts."""
    if isinstance(schema, list):
        return [plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    named = {
        "properties": {name: plain(each) for name, each in schema.get("properties", {}).items()}
    }
    kept = {word: plain(value) for word, value in schema.items() if word not in LEFT_OUT}
    return kept | (named if "properties" in schema else {})


def types(schema: Any, levels: int = LEVELS) -> Any:
    """The types of an answer, without its addresses: a fake need not give all that a host gives."""
    if not isinstance(schema, dict):
        return schema
    kept: dict[str, Any] = {w: schema[w] for w in ("type", "nullable", "enum") if w in schema}
    if "items" in schema:
        kept["items"] = types(schema["items"], levels)
    if levels and "properties" in schema:
        kept["properties"] = {
            name: types(each, levels - 1)
            for name, each in schema["properties"].items()
            if name == "html_url" or not name.endswith(("url", "_link"))
        }
    return kept


def text_of(found: dict[str, Any]) -> str:
    """The excerpt as JSON with a line for each operation."""
    rows = []
    for path, operations in found["paths"].items():
        each = [f"{json.dumps(m)}: {json.dumps(o)}" for m, o in operations.items()]
        rows.append(f"{json.dumps(path)}: {{\n" + ",\n".join(each) + "\n}")
    head = {word: value for word, value in found.items() if word != "paths"}
    return json.dumps(head)[:-1] + ', "paths": {\n' + ",\n".join(rows) + "\n}}\n"


def main() -> None:
    package = Path(sys.argv[1])
    version = json.loads((package / "package.json").read_text("utf-8"))["version"]
    name = "api.github.com.deref.json"
    document = json.loads((package / "generated" / name).read_text("utf-8"))
    found = excerpt(document, version)
    there = {each["operationId"] for path in found["paths"].values() for each in path.values()}
    if missing := set(OPERATIONS) - there:
        sys.exit(f"the description has no {', '.join(sorted(missing))}")
    TARGET.write_text(text_of(found), "utf-8")


if __name__ == "__main__":
    main()
