"""How operations of the platform are declared, and one decoded request with its answer.

An operation is declared where it is handled: its route, the schemas of what it takes and answers,
its description. The routes, the checks and the OpenAPI document all come from there.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from starlette.routing import Route

from peakctl.emulator.problems import Problem, conflict, invalid, not_found
from peakctl.emulator.requests import Part
from peakctl.emulator.rows import Body, Row, Transaction
from peakctl.emulator.schemas import FILE, MAP, Schema, check
from peakctl.model import JsonObject
from peakctl.model.records import dataclass

if TYPE_CHECKING:
    from starlette.requests import Request

    from peakctl.emulator.listing import Listing
    from peakctl.emulator.options import Options

    Answering = Callable[["Operation", Request], Awaitable[Response]]

UPLOAD_LIMIT = 10 * 2**20  # bytes
Handler = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """One call. `path` is what follows the address of the emulator.

    `kinds` are the kinds of row that it is about, `seeds` what a seed calls the things it makes.
    `answer` is a schema, None for bytes. `query` are parameters, of which those in `needs` must be
    there; `body` is sent as JSON, `parts` as multipart; `also` are further statuses. The `newer`
    ones came with the client's 1.29, `is_open` ones need no token.
    """

    method: str
    path: str
    summary: str
    handler: Handler
    kinds: tuple[str, ...]
    seeds: tuple[str, ...] = ()
    answer: Schema | None = field(default_factory=lambda: dict(MAP))
    query: Mapping[str, Schema] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    body: Schema | None = None
    parts: Schema | None = None
    status: int = 200
    also: tuple[int, ...] = ()
    newer: bool = False
    is_open: bool = False


class Operations(list[Operation]):
    """Operations below one path; below several when they do the same for several kinds.

    `roots` maps kinds to the paths below which they are. `{kind}` stands for the kind in a summary,
    where it is in words, and in the names of `seeds`.
    """

    def __init__(self, roots: Mapping[str, str], **always: object) -> None:
        super().__init__()
        self.roots = roots
        self._always = always

    def __call__(
        self,
        method: str,
        path: str,
        summary: str,
        *,
        seeds: tuple[str, ...] = (),
        listing: Listing | None = None,
        **more: Any,
    ) -> Callable[[Handler], Handler]:
        """Declare the function that follows as the handler of an operation for each kind.

        A `listing` says what it takes and answers, unless it answers more than a page of that.
        """
        if listing is not None:
            more = {"query": listing.query, "answer": listing.answer(), **more}

        def declare(handler: Handler) -> Handler:
            for kind, root in self.roots.items():
                words = summary.format(kind=kind.replace("-", " "))
                made = tuple(name.format(kind=kind) for name in seeds)
                known = {"kinds": tuple(kind.split()), "seeds": made, **self._always, **more}
                self.append(Operation(method, root + path, words, handler, **known))
            return handler

        return declare

    def lists(self, path: str, summary: str, listing: Listing) -> None:
        """Declare an operation that answers a page of a listing and does nothing else."""
        self("GET", path, summary, listing=listing)(listing.page)


@dataclass(slots=True)
class Call:
    """What a client asked. `tx` is open for the length of the call."""

    operation: Operation
    tx: Transaction
    params: dict[str, str]
    query: list[tuple[str, str]]
    body: object = None
    parts: tuple[Part, ...] = ()
    base: str = ""

    @property
    def options(self) -> Options:
        return self.tx.options

    @property
    def kind(self) -> str:
        """The kind of row that the operation is about."""
        return self.operation.kinds[0]

    def find(self, name: str = "id") -> Row:
        """The row whose id stands in the path, or a 404."""
        key, kinds = self.params[name], self.operation.kinds
        found = next(filter(None, (self.tx.get(kind, key) for kind in kinds)), None)
        if found is None:
            raise not_found(" or ".join(kinds), key)
        return found

    def find_child(self, kind: str, name: str, parent: str = "id") -> Row:
        """The row of another kind whose id stands in the path behind that of its parent."""
        above = self.find(parent)
        row = self.tx.require(kind, self.params[name])
        if row.parent != above.id:
            raise not_found(kind, row.id)
        return row

    def ask(self, name: str) -> str | None:
        """The last value of a query parameter."""
        return next((v for k, v in reversed(self.query) if k == name), None)

    def asks(self, name: str) -> list[str]:
        """All values of a query parameter, whether repeated or with commas."""
        return [p for k, v in self.query if k == name for p in v.split(",") if p]

    def refuse_taken(self, kinds: Sequence[str], name: str, field: str) -> None:
        """Raise a 409 for a name that one of these kinds has, unless the option allows that."""
        if self.options.strict_names and self.tx.named(kinds, name):
            raise conflict(f"{field}: {name} already exists")

    def choice(self, name: str) -> str | None:
        """A query parameter that is one of several words; raises a 422 for any other."""
        value, choices = self.ask(name), self.operation.query[name]["enum"]
        if value not in choices and (value is not None or name in self.operation.needs):
            raise invalid(name, f"{value!r} is not one of {', '.join(choices)}")
        return value

    def record(self) -> Body:
        """The JSON body, which must be a mapping."""
        if self.body is None:
            return {}
        if not isinstance(self.body, dict):
            raise Problem(400, "the body must be a JSON object")
        return self.body

    def checked(self) -> Body:
        """The JSON body, checked against the schema of the operation."""
        body = self.record()
        check(self.operation.body or MAP, body)
        return body

    def form(self) -> Body:
        """The parts, decoded and checked as the operation has them; absent ones are None."""
        texts = {part.name: part.text for part in reversed(self.parts)}
        found = self._decoded(self.operation.parts or MAP, texts)
        return {**found, "artifact": self._upload()} if "artifact" in found else found

    def texts(self) -> Body:
        """The same of a JSON object whose values are texts."""
        return self._decoded(self.operation.body or MAP, self.record())

    def _decoded(self, schema: Schema, sent: JsonObject) -> Body:
        found: Body = {}
        for name, inner in schema["properties"].items():
            known = inner.get("anyOf", [inner])[0]
            found[name] = None if known is FILE else _decode(name, known, sent.get(name))
            if found[name] is None and name in schema.get("required", ()) and known is not FILE:
                raise invalid(name, "is required")
        return found

    def _upload(self) -> bytes | None:
        part = next((p for p in self.parts if p.name == "artifact"), None)
        if part is None and "artifact" in (self.operation.parts or MAP).get("required", ()):
            raise invalid("artifact", "is required")
        if part is not None and len(part.data) > UPLOAD_LIMIT:
            raise Problem(413, f"artifact: larger than {UPLOAD_LIMIT} bytes")
        return part.data if part else None


def _decode(name: str, schema: Schema, sent: object) -> object:
    """A text, or the JSON in it; the newer client sends the text `null` for what is absent."""
    if sent is None or sent == "null":
        return None
    if "contentSchema" not in schema:
        check(schema, sent, name)
        return sent
    if not isinstance(sent, str):
        raise invalid(name, "must be JSON text")
    try:
        value = json.loads(sent)
    except ValueError:
        raise invalid(name, "is not JSON") from None
    if value is not None:
        # A spec is the body of a file of the client: its fields are named from its top.
        check(schema["contentSchema"], value, "" if name == "spec" else name)
    return value


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is JSON unless it is bytes."""

    body: object
    headers: tuple[tuple[str, str], ...] = ()


def routes(operations: Iterable[Operation], answer: Answering) -> list[Route]:
    """One route for each path; the operation of the method is answered."""
    paths: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method] = operation
    # A path with fewer placeholders goes first: `/emails/templates` is not `/emails/{id}`.
    order = sorted(paths, key=lambda path: path.count("{"))
    return [_route(path, paths[path], answer) for path in order]


def _route(path: str, methods: dict[str, Operation], answer: Answering) -> Route:
    async def endpoint(request: Request) -> Response:
        return await answer(methods[request.method], request)

    route = Route(path, endpoint, methods=list(methods))
    route.methods = set(methods)  # starlette adds HEAD to GET; the platform has no such call
    return route


def respond(answer: object, status: int) -> Response:
    """What a handler returned, as a response."""
    answer = answer if isinstance(answer, Answer) else Answer(answer)
    if isinstance(answer.body, bytes):
        return Response(answer.body, status, headers=dict(answer.headers))
    text = json.dumps(answer.body, separators=(",", ":"))
    return Response(text, status, dict(answer.headers), "application/json")


def refuse(status: int, detail: str, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    return respond(Answer({"detail": detail}, headers), status)
