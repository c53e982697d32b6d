"""Something changes between the plan and its apply: no more is sent than what was agreed to.

Each scalar of each live resource or of each manifest is changed in turn, and each resource is
deleted once; after `plan --out`, or right before an `apply --yes` takes its lease.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from chaos.compare import UUID
from chaos.sweep import APPLY, Case
from peakctl.model import RECORD_PREFIXES, record_word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from chaos.blows import Sent
    from chaos.tenant import Run, Tenant

CODES = (0, 10, 11, 12, 14, 64)
PLAN = ("plan", "-e", "local")
KINDS = (
    "artifact",
    "image",
    "image-version",
    "workflow",
    "service",
    "block-spec",
    "app-spec",
    "release",
    "block-deployment",
    "app-deployment",
    "revision",
)
NOT_LIVE = re.compile(
    "turn|outcome|ends|lines|uuid|owner|buildId|versions|latest|revision|latestVersion|.*At|digest"
    "|lastExecution|webapp|artifact|webhook|id|imageId|versionId|imageVersionId"
)
"""Counters and links of the emulator itself: no user's hand changes those."""
ROWS = "SELECT seq, kind, id, parent, name, body FROM items ORDER BY seq"
TEXTS = ("title", "summary", "description", "notes")
"""What is text when it is not null."""
NUMBER = re.compile(rb'"(id|imageId|versionId|imageVersionId|entityId)": ?(\d+)')
Writes = Counter[tuple[str, str, bytes]]
Place = tuple[Any, ...]


@dataclass(frozen=True)
class Mutation:
    """One change: how it is told, and what makes it and undoes what it did to files."""

    name: str
    make: Callable[[Tenant], None]
    undo: Callable[[], object] = lambda: None


@dataclass(frozen=True)
class Agreed:
    """A plan that was agreed to, the state it was made from, and what carrying it out sends.

    Without a `file` it is shown by `apply --yes`, and the change comes before the first write.
    """

    name: str
    start: Tenant
    command: tuple[str, ...]
    allowed: Writes
    known: frozenset[bytes]
    late: bool

    def end(self) -> None:
        self.start.close()


def agree(name: str, start: Tenant, work: Path) -> Iterator[Agreed]:
    """The plan in a file, and the plan as it is shown. Raises RuntimeError when either fails."""
    file = str(work / f"{name.replace(' ', '-')}.peakplan")
    planned = start.run(*PLAN, "--out", file)
    if planned.code:
        raise RuntimeError(f"{name} cannot be planned: {planned.err}")
    known = frozenset(str(row[2]).encode() for row in start.rows(ROWS))
    for command, late in (((*APPLY[:-1], file), False), (APPLY, True)):
        copied = start.copy()
        run = copied.run(*command)
        if run.code:
            raise RuntimeError(f"{name} fails undisturbed: {run.err}")
        words = "as it was shown" if late else "saved"
        allowed = writes_of(copied, known)
        copied.close()
        yield Agreed(f"{name}, {words}", start.copy(), tuple(command), allowed, known, late)


def mutations(agreed: Agreed) -> Iterator[Mutation]:
    """Everything that may change; the manifests have been read when a plan was shown."""
    yield from live_changes(agreed.start)
    if not agreed.late:
        for path in sorted(agreed.start.project.rglob("*.yaml")):
            if path.name != "peakctl.yaml":
                yield from manifest_changes(path)


def mutated(agreed: Agreed, step: int = 1) -> Iterator[Case]:
    """Each `step`-th change, judged."""
    for mutation in [*mutations(agreed)][::step]:
        yield _once(agreed, mutation)


def _once(agreed: Agreed, mutation: Mutation) -> Case:
    tenant = agreed.start.copy()
    try:
        if agreed.late:
            tenant.wire.before_write = lambda: mutation.make(tenant)
        else:
            mutation.make(tenant)
        run = tenant.run(*agreed.command)
    finally:
        mutation.undo()
    wrong = _judge(run, writes_of(tenant, agreed.known) - agreed.allowed)
    tenant.close()
    return Case(agreed.name, "mutation", mutation.name, (run.code,), tuple(wrong))


def _judge(run: Run, more: Writes) -> list[str]:
    wrong = [f"not agreed to: {method} {path} {body[:300]!r}" for method, path, body in more]
    if run.crashed or run.code not in CODES:
        wrong.append(f"it ended with {run.code}")
    return [*wrong, *run.err.splitlines()[-8:]] if wrong else []


# --- what was sent -----------------------------------------------------------------------------


def writes_of(tenant: Tenant, known: frozenset[bytes]) -> Writes:
    """What the last run wrote, but for ledgers and histories; ids not in `known` are new ones."""
    rows = tenant.rows(ROWS)
    records = [str(row[2]) for row in rows if record_word(str(row[4]))]

    def is_record(sent: Sent) -> bool:
        named = any(prefix.encode() in sent.body for prefix in RECORD_PREFIXES)
        return named or any(x in sent.path for x in records)

    return Counter(_normal(sent, known) for sent in tenant.wire.sent if not is_record(sent))


def _normal(sent: Sent, known: frozenset[bytes]) -> tuple[str, str, bytes]:
    def kept(found: re.Match[bytes]) -> bytes:
        return found[0] if found[found.lastindex or 0] in known else b"<new>"

    uuid = re.compile(UUID.pattern.encode())
    body = NUMBER.sub(kept, uuid.sub(kept, sent.body))
    return sent.method, uuid.sub(kept, sent.path.encode()).decode(), body


# --- what changes on the platform --------------------------------------------------------------


def live_changes(tenant: Tenant) -> Iterator[Mutation]:
    """Each scalar of what users manage; its name; and the whole thing, gone."""
    for seq, kind, _, parent, name, body in _managed(tenant):
        label = f"{kind} {name or parent}"
        for place, value in _scalars(json.loads(body)):
            text = json.dumps(changed_at(json.loads(body), place, other(value)))
            where = ".".join(map(str, place))
            yield Mutation(f"live {label}: {where}", _sql("UPDATE items SET body = ?", text, seq))
        if not parent:
            yield Mutation(
                f"live {label}: its name", _sql("UPDATE items SET name = ?", f"{name}-x", seq)
            )
            yield Mutation(f"live {label}: gone", _sql("DELETE FROM items", None, seq))


def _managed(tenant: Tenant) -> Iterator[tuple[Any, ...]]:
    rows = tenant.rows(ROWS)
    others = {str(r[2]) for r in rows if record_word(str(r[4])) or str(r[4]).startswith("peak-")}
    return (r for r in rows if r[1] in KINDS and not {str(r[2]), str(r[3])} & others)


def _sql(change: str, value: str | None, seq: int) -> Callable[[Tenant], None]:
    def make(tenant: Tenant) -> None:
        values = [seq] if value is None else [value, seq]
        tenant.rows(f"{change} WHERE seq = ?", *values)

    return make


def _scalars(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    if isinstance(value, dict | list):
        for part, inner in value.items() if isinstance(value, dict) else enumerate(value):
            is_text = inner is not None or part in TEXTS
            if is_text and not NOT_LIVE.fullmatch(str(part)):
                yield from _scalars(inner, (*place, part))
    else:
        yield place, value


def other(value: Any) -> Any:
    """Another value of the same type; text for null."""
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int | float) else f"{value or ''}x"


def changed_at(value: Any, place: Place, instead: Any) -> Any:
    """`value` with something else at a place."""
    if not place:
        return instead
    value[place[0]] = changed_at(value[place[0]], place[1:], instead)
    return value


# --- what changes in the manifests -------------------------------------------------------------


def manifest_changes(path: Path) -> Iterator[Mutation]:
    """Each scalar of a file that is no key; nothing of a template that is not YAML by itself."""
    text = path.read_text(encoding="utf-8")
    try:
        documents = [*yaml.compose_all(text, yaml.SafeLoader)]
    except yaml.YAMLError:
        return
    for document in documents:
        for node in _leaves(document):
            value = other(yaml.SafeLoader("").construct_object(node))
            start, end = node.start_mark, node.end_mark
            after = text[: start.index] + json.dumps(value, default=str) + text[end.index :]
            yield Mutation(
                f"{path.name}:{start.line + 1}:{start.column + 1} {node.value[:30]!r}",
                _writes(path, after),
                _writes(path, text),
            )


def _writes(path: Path, text: str) -> Callable[..., None]:
    def write(_: object = None) -> None:
        path.write_text(text, encoding="utf-8")

    return write


def _leaves(node: Any) -> Iterator[Any]:
    if isinstance(node, yaml.MappingNode):
        for _, value in node.value:
            yield from _leaves(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _leaves(value)
    elif node is not None:
        yield node
