"""Code hosts in memory, which hold every request to the description of the host's API."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
from graphql_query import Query
from jsonschema import Draft202012Validator

DATA = Path(__file__).parent / "data" / "hosts"
BOT = "github-actions[bot]"
ME = 77


class Description:
    """An excerpt of the description of an API: what it says of a request."""

    def __init__(self, name: str) -> None:
        self.document = json.loads((DATA / name).read_text("utf-8"))

    def check(self, method: str, path: str, query: dict[str, str], body: Any) -> str:
        """The name of the operation. Fails where the description does not allow the request."""
        for template, operations in self.document["paths"].items():
            found = re.fullmatch(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", template), path)
            if found and method.lower() in operations:
                self._check(operations[method.lower()], found.groupdict(), query, body)
                return str(operations[method.lower()]["operationId"])
        raise AssertionError(f"the API has no {method} {path}")

    def answer(self, operation: str, status: int) -> dict[str, Any]:
        """The schema of an answer."""
        for operations in self.document["paths"].values():
            for each in operations.values():
                if each["operationId"] == operation:
                    return dict(_types(each["responses"][str(status)]))
        raise KeyError(operation)

    def _check(
        self, operation: dict[str, Any], path: dict[str, str], query: dict[str, str], body: Any
    ) -> None:
        known = {p["name"]: p for p in operation["parameters"] if p["in"] == "query"}
        assert set(query) <= set(known), query
        required = {name for name, p in known.items() if p.get("required")}
        assert required <= set(query), query
        for p in operation["parameters"]:
            value = (path if p["in"] == "path" else query).get(p["name"])
            if value is not None:
                Draft202012Validator(p["schema"]).validate(_typed(value, p["schema"]))
        if "requestBody" in operation:
            schema = operation["requestBody"]
            Draft202012Validator(schema).validate(body)
            assert set(body) <= set(schema["properties"]), body
        else:
            assert body is None


def _typed(value: str, schema: dict[str, Any]) -> Any:
    """What a text in a path or a query stands for."""
    match schema.get("type"):
        case "integer":
            assert value.isdigit(), value
            return int(value)
        case "boolean":
            assert value in ("true", "false"), value
            return value == "true"
    return value


def _types(schema: Any) -> Any:
    """The types alone: a fake need not give all that a host gives."""
    if not isinstance(schema, dict):
        return schema
    left_out = ("required", "anyOf", "oneOf", "allOf", "format")
    found = {k: v for k, v in schema.items() if k not in left_out}
    if "items" in found:
        found["items"] = _types(found["items"])
    if "properties" in found:
        found["properties"] = {k: _types(v) for k, v in found["properties"].items()}
    if found.pop("nullable", False) and "type" in found:
        found["type"] = [found["type"], "null"]
    return found


@dataclass
class Asked:
    method: str
    path: str
    query: dict[str, str]
    body: Any
    headers: dict[str, str]


@dataclass
class FakeHost:
    """The part that all hosts share. `faults` answer in place of the host, by method and path."""

    base: str
    comments: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    faults: list[tuple[str, str, Callable[[httpx.Request], httpx.Response]]] = field(
        default_factory=list
    )
    merged: list[dict[str, Any]] = field(default_factory=list)
    date: str = ""
    numbers: int = 100
    broken: list[BaseException] = field(default_factory=list)

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._handle)

    def fail(self, method: str, part: str, answer: Any) -> None:
        make = answer if callable(answer) else lambda _: answer
        self.faults.append((method, part, make))

    def _handle(self, request: httpx.Request) -> httpx.Response:
        url = str(request.url).partition("?")[0]
        if url.startswith("https://files.example.net/"):
            assert "authorization" not in request.headers
            assert "private-token" not in request.headers
            return self.file(url.rpartition("/")[2].removesuffix(".zip"))
        assert url.startswith(self.base), url
        body = json.loads(request.content) if request.content else None
        path = url.removeprefix(self.base)
        query = dict(parse_qsl(request.url.query.decode()))
        self.asked.append(Asked(request.method, path, query, body, dict(request.headers)))
        for method, part, make in self.faults:
            if method == request.method and part in path:
                return make(request)
        try:
            response = self.serve(request.method, path, query, body)
            if self.date:
                response.headers["Date"] = self.date
            return response
        except Exception as error:
            self.broken.append(error)  # peakctl goes on; the test must not
            raise

    def serve(self, method: str, path: str, query: dict[str, str], body: Any) -> httpx.Response:
        raise NotImplementedError

    def file(self, name: str) -> httpx.Response:
        raise NotImplementedError

    def writes(self) -> list[tuple[str, str]]:
        found = [(a.method, a.path) for a in self.asked if a.method != "GET"]
        return [(method, path) for method, path in found if path != "/graphql"]


def page(items: list[Any], query: dict[str, str]) -> list[Any]:
    size, number = int(query.get("per_page", 30)), int(query.get("page", 1))
    return items[(number - 1) * size : number * size]


@dataclass
class FakeGithub(FakeHost):
    base: str = "https://api.github.com"
    login: str | None = BOT
    files_at: str | None = "https://files.example.net"
    head: dict[str, Any] = field(default_factory=lambda: {"sha": "a" * 40})
    permissions: dict[str, str] = field(default_factory=dict)
    attempt: dict[str, Any] = field(default_factory=dict)
    reviews: list[dict[str, Any]] = field(default_factory=list)
    pulls: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    artifacts: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    archives: dict[str, bytes] = field(default_factory=dict)
    reviews_by: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    edited_reviews: dict[str, str] = field(default_factory=dict)
    description: Description = field(default_factory=lambda: Description("github.json"))

    def add(self, number: int, author: str, body: str) -> dict[str, Any]:
        self.numbers += 1
        made = self._comment(self.numbers, number, author, body)
        self.comments.setdefault(str(number), []).append(made)
        return made

    def bodies(self, number: int) -> list[str]:
        return [each["body"] for each in self.comments.get(str(number), [])]

    def _comment(self, id_: int, number: int, author: str, body: str) -> dict[str, Any]:
        page_ = f"https://github.com/acme/shop/pull/{number}"
        return {
            "id": id_,
            "node_id": f"IC_{id_}",
            "url": f"{self.base}/repos/acme/shop/issues/comments/{id_}",
            "html_url": f"{page_}#issuecomment-{id_}",
            "issue_url": f"{self.base}/repos/acme/shop/issues/{number}",
            "body": body,
            "user": {"login": author, "id": 1, "type": "Bot" if "[bot]" in author else "User"},
            "created_at": "2026-11-28T10:00:00Z",
            "updated_at": "2026-11-28T10:00:00Z",
            "author_association": "NONE",
        }

    def serve(self, method: str, path: str, query: dict[str, str], body: Any) -> httpx.Response:
        if path == "/graphql":
            assert method == "POST"
            Query(body)
            if "reviews(" in body["query"]:
                return httpx.Response(200, json=self._edits(body["variables"]))
            if self.login is None:
                return httpx.Response(403, json={"message": "Resource not accessible"})
            return httpx.Response(200, json={"data": {"viewer": {"login": self.login}}})
        if path == "/user":
            self.description.check(method, path, query, body)
            return httpx.Response(403, json={"message": "Resource not accessible by integration"})
        operation = self.description.check(method, path, query, body)
        if operation == "actions/download-artifact":
            return self._download(path.split("/")[-2])
        status, answer = self._serve(operation, path, query, body)
        if status < 300:
            Draft202012Validator(self.description.answer(operation, status)).validate(answer)
        return httpx.Response(status, json=answer)

    def _download(self, id_: str) -> httpx.Response:
        """A redirect to where GitHub keeps files, which takes no token."""
        if id_ not in self.archives:
            return httpx.Response(410, json={"message": "Artifact has expired"})
        if self.files_at is None:
            return httpx.Response(200, content=self.archives[id_])
        return httpx.Response(302, headers={"Location": f"{self.files_at}/{id_}.zip?sig=1"})

    def file(self, name: str) -> httpx.Response:
        return httpx.Response(200, content=self.archives[name])

    def reviews_of(self, number: int | str) -> list[dict[str, Any]]:
        """Those of one request; where a test has one request alone, `reviews`."""
        return self.reviews_by.setdefault(str(number), []) if not self.reviews else self.reviews

    def _edits(self, variables: dict[str, Any]) -> Any:
        assert (variables["owner"], variables["name"]) == ("acme", "shop")
        nodes = [
            {"fullDatabaseId": str(e["id"]), "lastEditedAt": self.edited_reviews.get(str(e["id"]))}
            for e in self.reviews_of(variables["number"])
            if "id" in e
        ]
        found = {"nodes": nodes, "pageInfo": {"hasNextPage": False, "endCursor": None}}
        return {"data": {"repository": {"pullRequest": {"reviews": found}}}}

    def _serve(self, operation: str, path: str, query: dict[str, str], body: Any) -> Any:
        match operation:
            case "issues/create-comment":
                return 201, self.add(int(path.split("/")[-2]), self.login or BOT, body["body"])
            case "issues/update-comment":
                return self._update(int(path.split("/")[-1]), body["body"])
        return self._read(operation, path, query)

    def _read(self, operation: str, path: str, query: dict[str, str]) -> Any:
        match operation:
            case "issues/list-comments":
                return 200, page(self.comments.get(path.split("/")[-2], []), query)
            case "repos/list-pull-requests-associated-with-commit":
                commit = path.split("/")[-2]
                return 200, [e for e in self.merged if commit in e.get("brought", [commit])]
            case "pulls/get":
                number = path.split("/")[-1]
                pull = {"number": int(number), "user": {"login": "alice"}, "head": self.head}
                known = (each for each in self.pulls if each["number"] == int(number))
                return 200, next(known, pull)
            case "repos/get-collaborator-permission-level":
                who = path.split("/")[-2]
                return 200, {"permission": self.permissions.get(who, "read"), "role_name": "x"}
            case "pulls/list-reviews":
                return 200, page(self.reviews_of(path.split("/")[-2]), query)
            case "actions/get-workflow-run-attempt":
                return 200, self.attempt
        return self._list(operation, path, query)

    def _list(self, operation: str, path: str, query: dict[str, str]) -> Any:
        match operation:
            case "pulls/list":
                return 200, page([p for p in self.pulls if _fits(p, query)], query)
            case "pulls/list-files":
                return 200, page(self.files.get(path.split("/")[-2], []), query)
            case "issues/list-events-for-timeline":
                number = path.split("/")[-2]
                return 200, page([e for e in self.events if e["number"] == number], query)
            case "actions/list-workflow-runs-for-repo":
                found = [r for r in self.runs if r["head_sha"] == query.get("head_sha")]
                found = [r for r in found if r["event"] == query.get("event", r["event"])]
                return 200, {"total_count": len(found), "workflow_runs": page(found, query)}
            case "actions/list-workflow-run-artifacts":
                found = self.artifacts.get(path.split("/")[-2], [])
                found = [a for a in found if a["name"] == query.get("name", a["name"])]
                return 200, {"total_count": len(found), "artifacts": page(found, query)}
        raise AssertionError(operation)

    def _update(self, id_: int, body: str) -> Any:
        for each in (c for found in self.comments.values() for c in found):
            if each["id"] == id_:
                each["body"] = body
                return 200, each
        return 404, {"message": "Not Found"}


def pull_of(number: int, head: str, repository: str, branch: str = "fix") -> dict[str, Any]:
    """An open pull request, as GitHub lists it."""
    owner = repository.partition("/")[0]
    label = {"label": f"{owner}:{branch}", "ref": branch, "sha": head}
    return {"number": number, "state": "open", "head": {**label, "repo": {"full_name": repository}}}


def _fits(pull: dict[str, Any], query: dict[str, str]) -> bool:
    state = query.get("state", "open")
    fits = state in ("all", pull["state"])
    return fits and query.get("head", pull["head"]["label"]) == pull["head"]["label"]


@dataclass
class FakeGitlab(FakeHost):
    base: str = "https://gitlab.example.com/api/v4"
    description: Description = field(default_factory=lambda: Description("gitlab.json"))
    job: dict[str, Any] = field(default_factory=dict)
    requests: dict[str, dict[str, Any]] = field(default_factory=dict)
    approved: dict[str, list[int]] = field(default_factory=dict)
    lists: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    members: dict[str, dict[str, Any]] = field(default_factory=dict)
    configuration: str | None = None
    archives: dict[str, bytes] = field(default_factory=dict)

    def add(self, iid: int, author: int, body: str, *, system: bool = False) -> dict[str, Any]:
        self.numbers += 1
        made = {
            "id": self.numbers,
            "body": body,
            "author": {"id": author, "username": f"user{author}"},
            "created_at": "2026-11-28T10:00:00.000Z",
            "updated_at": "2026-11-28T10:00:00.000Z",
            "system": system,
            "noteable_id": 900,
            "noteable_type": "MergeRequest",
            "noteable_iid": iid,
        }
        self.comments.setdefault(str(iid), []).append(made)
        return made

    def bodies(self, iid: int) -> list[str]:
        return [each["body"] for each in self.comments.get(str(iid), [])]

    def serve(self, method: str, path: str, query: dict[str, str], body: Any) -> httpx.Response:
        operation = self.description.check(method, path, query, body)
        if operation == "jobArtifacts":
            id_ = path.split("/")[4]
            if id_ not in self.archives:
                return httpx.Response(404, json={"message": "404 Not Found"})
            where = f"https://files.example.net/{id_}.zip?X-Amz-Signature=1"
            return httpx.Response(302, headers={"Location": where})
        status, answer = self._serve(operation, path, query, body)
        if status < 300:
            Draft202012Validator(self.description.answer(operation, status)).validate(answer)
        return httpx.Response(status, json=answer)

    def file(self, name: str) -> httpx.Response:
        return httpx.Response(200, content=self.archives[name])

    def _serve(self, operation: str, path: str, query: dict[str, str], body: Any) -> Any:
        words = path.split("/")
        match operation:
            case "currentUser":
                return 200, {"id": ME, "username": "project_7_bot"}
            case "listNotes":
                return 200, page(self.comments.get(words[4], []), query)
            case "createNote":
                return 201, self.add(int(words[4]), ME, body["body"])
            case "modifyNote":
                return self._modify(words[4], words[6], body["body"])
            case "commitMergeRequests":
                return 200, [e for e in self.merged if words[5] in e.get("brought", [words[5]])]
            case "getJob":
                return 200, self.job
        return self._read(operation, words, query)

    def _read(self, operation: str, words: list[str], query: dict[str, str]) -> Any:
        match operation:
            case "getProject":
                return 200, {"id": int(words[2]), "ci_config_path": self.configuration}
            case "getMergeRequest":
                found = self.requests.get(words[4])
                return (200, found) if found else (404, {"message": "404 Not found"})
            case "mergeRequestApprovals":
                people = [
                    {"user": {"id": each, "username": f"user{each}"}}
                    for each in self.approved.get(words[4], [])
                ]
                return 200, {"id": 900, "iid": int(words[4]), "approved_by": people}
            case "memberAll" | "getUser":
                found = self.members.get(words[-1])
                return (200, found) if found else (404, {"message": "404 Not found"})
            case "pipelineJobs":
                return 200, page(self.lists.get(f"jobs {words[4]}", []), query)
            case _:
                return 200, page(self.lists.get(f"{words[5]} {words[4]}", []), query)

    def _modify(self, iid: str, note: str, body: str) -> Any:
        for each in self.comments.get(iid, []):
            if str(each["id"]) == note:
                each["body"] = body
                return 200, each
        return 404, {"message": "404 Not found"}


@dataclass
class FakeAzure(FakeHost):
    base: str = "https://dev.azure.com/acme"
    description: Description = field(default_factory=lambda: Description("azure.json"))

    def add(self, number: int, author: str, body: str) -> dict[str, Any]:
        self.numbers += 1
        comment = {"id": 1, "author": {"id": author}, "content": body}
        thread = {"id": self.numbers, "comments": [comment], "isDeleted": False}
        self.comments.setdefault(str(number), []).append(thread)
        return thread

    def bodies(self, number: int) -> list[str]:
        return [each["comments"][0]["content"] for each in self.comments.get(str(number), [])]

    def serve(self, method: str, path: str, query: dict[str, str], body: Any) -> httpx.Response:
        operation = self.description.check(method, path, query, body)
        answer = self._serve(operation, path.split("/"), body)
        Draft202012Validator(self.description.answer(operation, 200)).validate(answer)
        return httpx.Response(200, json=answer)

    def _serve(self, operation: str, words: list[str], body: Any) -> Any:
        match operation:
            case "connectionData":
                return {"authenticatedUser": {"id": "me"}}
            case "threadsList":
                found = self.comments.get(words[7], [])
                return {"value": found, "count": len(found)}
            case "threadsCreate":
                return self.add(int(words[7]), "me", body["comments"][0]["content"])
            case "commentsUpdate":
                for each in self.comments.get(words[7], []):
                    if str(each["id"]) == words[9]:
                        each["comments"][0]["content"] = body["content"]
                        return each["comments"][0]
        raise AssertionError(operation)
