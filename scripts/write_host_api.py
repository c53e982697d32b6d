"""Write what GitHub itself says of the calls that peakctl makes, as data of the tests.

    npm pack @octokit/openapi && tar xzf octokit-openapi-*.tgz --one-top-level=rest
    npm pack @octokit/graphql-schema && tar xzf octokit-graphql-*.tgz --one-top-level=graphql
    python scripts/write_host_api.py rest/package graphql/package

The packages are GitHub's own descriptions (MIT). Of REST, path, parameters, the schema of the body
and the types of what it answers are kept; texts and examples are left out, and objects three levels
down have no properties. Of GraphQL, the fields and arguments of the types that queries go through.
tests/hosts.py holds every request and answer to it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parent.parent / "tests" / "data" / "hosts"
OPERATIONS = (
    "actions/download-artifact",
    "actions/get-workflow-run",
    "actions/get-workflow-run-attempt",
    "actions/list-workflow-run-artifacts",
    "actions/list-workflow-runs-for-repo",
    "issues/create-comment",
    "issues/list-comments",
    "issues/list-events-for-timeline",
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


TYPES = (
    "Query",
    "User",
    "Repository",
    "PullRequest",
    "PullRequestReviewConnection",
    "PullRequestReview",
    "PageInfo",
)
"""What queries go through; add to it, and run this again."""


def graphql_excerpt(document: dict[str, Any], version: str) -> dict[str, Any]:
    """Of each of `TYPES`, its fields: the type of each, and the types of its arguments."""
    found = {each["name"]: each for each in document["__schema"]["types"]}
    source = f"npm package @octokit/graphql-schema {version} (MIT), schema.json: an excerpt"
    types = {
        name: {
            field["name"]: {
                "type": type_text(field["type"]),
                "args": {each["name"]: type_text(each["type"]) for each in field["args"]},
            }
            for field in found[name]["fields"]
        }
        for name in TYPES
    }
    return {"source": source, "types": types}


def type_text(found: dict[str, Any]) -> str:
    """A type as GraphQL writes it: `[Review!]!`."""
    if found["kind"] == "NON_NULL":
        return f"{type_text(found['ofType'])}!"
    return f"[{type_text(found['ofType'])}]" if found["kind"] == "LIST" else str(found["name"])


def main() -> None:
    rest, graphql = (Path(word) for word in sys.argv[1:])
    document = read(rest / "generated" / "api.github.com.deref.json")
    found = excerpt(document, read(rest / "package.json")["version"])
    there = {each["operationId"] for path in found["paths"].values() for each in path.values()}
    if missing := set(OPERATIONS) - there:
        sys.exit(f"the description has no {', '.join(sorted(missing))}")
    (DATA / "github.json").write_text(text_of(found), "utf-8")
    queries = graphql_excerpt(
        read(graphql / "schema.json"), read(graphql / "package.json")["version"]
    )
    types = ",\n".join(f"{json.dumps(n)}: {json.dumps(t)}" for n, t in queries["types"].items())
    text = f'{{"source": {json.dumps(queries["source"])}, "types": {{\n{types}\n}}}}\n'
    (DATA / "github-graphql.json").write_text(text, "utf-8")


def read(file: Path) -> Any:
    return json.loads(file.read_text("utf-8"))


if __name__ == "__main__":
    main()
