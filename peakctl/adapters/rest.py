"""What adapters share: listing, looking up, deleting, polling, and a guard against odd answers."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import ClassVar, TypeVar
from urllib.parse import quote

from peakctl import model
from peakctl.adapters.answers import edit_of, failed_blocks, last_run_of, metadata_of, reason_in
from peakctl.adapters.requests import live_of
from peakctl.api.client import Api
from peakctl.errors import ApiError, Diagnostic
from peakctl.kinds.fields import Kind, outputs_in
from peakctl.model.resources import ArchiveFile, Facts, Listed, Live, LiveId, Resource, State
from peakctl.model.values import JsonDict, JsonObject, Key, Path, Tree

Call = Callable[["model.CallRequest"], Awaitable[model.CallResult]]


class Rest:
    """An adapter for a plain collection; a kind's module adds what its part of the API does.

    `path` is the collection with its trailing slash, `items` the keys that may hold a page's items,
    `query` is always sent when listing, and `search` is the parameter that narrows by name.
    `lists_status` tells whether an item of the listing has the status that `poll` reads.
    """

    path: ClassVar[str]
    items: ClassVar[tuple[str, ...]]
    query: ClassVar[tuple[tuple[str, str], ...]] = ()
    search: ClassVar[str | None] = "searchTerm"
    makes: ClassVar[tuple[str, ...]] = ()
    numbered: ClassVar[str] = ""
    drops_versions: ClassVar[bool] = False
    lists_status: ClassVar[bool] = False

    def __init__(self, api: Api, kind: Kind) -> None:
        self.api = api
        self.kind = kind

    async def index(self, resources: Sequence[Resource] = ()) -> tuple[Listed, ...]:
        """All pages of the listing; `resources` narrows nothing here."""
        return await self.list_all()

    def ask_ahead(self) -> None:
        """Ask for the listing, unless which one it is depends on the resources."""
        if type(self).index is Rest.index:
            self.api.ask_ahead(self.path, self.items, self.query)

    async def find(self, name: str) -> tuple[Listed, ...]:
        """What has exactly this `name`. The platform's search is loose (docs/platform.md, 5)."""
        narrow = ((self.search, name),) if self.search else ()
        return tuple(found for found in await self.list_all(narrow) if found.name == name)

    async def look_up(self, id: str | int, values: Tree) -> Listed | None:  # noqa: A002
        """One request. Raises LookupError for an answer without a name: it cannot be matched."""
        return self.described(id, await self.get(self.at(id)))

    def described(self, id: str | int, answer: JsonObject | None) -> Listed | None:  # noqa: A002
        """A describe answer as if it came from the listing; None for what is gone."""
        if answer is None:
            return None
        found = self.listed({"id": id, **answer})
        if not found.name:
            raise LookupError("a resource without a name")
        return found

    async def list_all(self, narrow: Sequence[tuple[str, str]] = ()) -> tuple[Listed, ...]:
        """All pages, as `Listed`."""
        found = await self.api.pages(self.path, self.items, (*self.query, *narrow))
        return tuple(self.listed(item) for item in found if self.is_mine(item))

    async def first_page(self) -> tuple[tuple[Listed, ...], bool]:
        """What the first page of the listing has, and whether that is all. One request."""
        found, is_all = await self.api.first_page(self.path, self.items, self.query)
        return tuple(self.listed(item) for item in found if self.is_mine(item)), is_all

    def is_mine(self, item: JsonObject) -> bool:
        """Whether an item of the listing is of this kind."""
        return True

    def listed(self, item: JsonObject) -> Listed:
        """One item of the listing; specs and deployments have their names in `metadata`."""
        named = item if "name" in item else metadata_of(item)
        return Listed(item["id"], str(named.get("name", "")), item)

    def key(self, listed: Listed, resource: Resource | None) -> Key:
        """The key of the resource, which may be about to rename it, else what it is called now."""
        return resource.key if resource else Key(self.kind.name, listed.name)

    async def read(self, listed: Listed, resource: Resource | None) -> Live | None:
        """One request, for a kind whose describe answer says everything."""
        described = await self.get(self.at(listed.id))
        if described is None:
            return None
        reading = self.classify(self.status(described))
        return Live(
            key=self.key(listed, resource),
            id=listed.id,
            values=self.values(described),
            status=reading.status,
            state=reading.state,
            attributes=self.attributes(listed),
            private=self.private(described),
            edited=edit_of(described, made=False),
            facts=self.facts_in(described),
        )

    def facts_in(self, described: JsonObject) -> Facts:
        """What a describe answer tells beside the values of a manifest."""
        outputs = outputs_in(self.kind, described)
        reason = reason_in(described) or failed_blocks(described)
        return Facts(outputs, reason, last_run_of(described))

    def values(self, described: JsonObject) -> JsonDict:
        """A describe answer in manifest shape; called by `read` alone."""
        raise NotImplementedError

    def private(self, described: JsonObject) -> JsonObject:
        """What later calls need to know of a describe answer, and no manifest says."""
        return {}

    def attributes(self, listed: Listed) -> JsonObject:
        """What references receive."""
        return {"id": listed.id}

    async def pin(self, listed: Listed, version: str | None) -> JsonObject | None:
        """A reference to a kind without versions needs no version."""
        return self.attributes(listed)

    async def name_versions(self, id: str | int, versions: Collection[str]) -> model.VersionNames:  # noqa: A002
        """Nothing: the versions of most kinds go by their numbers."""
        return model.VersionNames()

    async def read_version(self, listed: Listed, number: str) -> Live | None:
        """The platform keeps nothing of the past of most kinds."""
        return None

    async def call(self, request: model.CallRequest) -> model.CallResult:
        """One call. Raises ApiError, and ValueError for a step that the kind does not have."""
        make = self.calls().get(request.step)
        if make is None:
            raise ValueError(f"{self.kind.name} has no {request.step} call")
        return await make(request)

    async def check(self, request: model.CallRequest) -> model.Checked | None:
        """None: most calls cannot be asked about."""
        return None

    def calls(self) -> dict[model.Step, Call]:
        """The call of each step."""
        return {model.Step.DELETE: self.delete, model.Step.WAIT: self.wait}

    async def delete(self, request: model.CallRequest) -> model.CallResult:
        """Delete; what is gone already counts as deleted."""
        return await self.delete_at(request, self.at(live_of(request).id))

    async def delete_at(self, request: model.CallRequest, path: str) -> model.CallResult:
        """Delete what is at `path`, and say that its absence is to be waited for."""
        try:
            await self.api.send("DELETE", path)
        except ApiError as error:
            if error.status != 404:
                raise
        return model.CallResult(
            request.key, live_of(request).id, watch={"path": path, "gone": True}
        )

    async def wait(self, request: model.CallRequest) -> model.CallResult:
        """Sends nothing: says what to poll for a thing that another run has started."""
        live = live_of(request)
        return model.CallResult(
            request.key, live.id, live.attributes, self.watch(live.id, live.private)
        )

    def watch(self, id: str | int, private: JsonObject) -> JsonObject | None:  # noqa: A002
        """What to poll until the thing is ready; None when it is ready as soon as it exists."""
        return None

    async def poll(self, result: model.CallResult) -> model.Readiness:
        """One reading. 404 is `GONE`; a status word that no schema knows counts as pending."""
        if result.watch is None:
            return model.Readiness(State.READY)
        answer = await self.get(result.watch["path"])
        if answer is None:
            return model.Readiness(State.GONE)
        if result.watch.get("gone"):
            reading = deletion(self.status(answer))
        else:
            reading = self.readiness(answer, result.watch)
        if reading.state in (State.FAILED, State.STUCK, State.WARNING) and not reading.message:
            reading = replace(reading, message=reason_in(answer))
        if reading.state in (State.READY, State.WARNING):
            return replace(reading, outputs=await self.told(answer))
        return reading

    async def pending_in_listing(
        self, results: Sequence[model.CallResult], most: int
    ) -> model.PendingInListing:
        """Nothing, without a request, for a kind whose listing shows no status."""
        if not self.lists_status:
            return model.PendingInListing()
        watches = {each.key: (str(each.id), each.watch or {}) for each in results}
        paths = sorted({self.collection(watch) for _, watch in watches.values()})
        found = await asyncio.gather(
            *(self.api.pages_within(path, self.items, self.query, most) for path in paths)
        )
        items = {str(item.get("id")): item for listed, _ in found for item in listed}
        readings = {
            key: reading
            for key, (id_, watch) in watches.items()
            if (reading := self.pending(items.get(id_, {}), watch)) is not None
        }
        return model.PendingInListing(readings, sum(count for _, count in found))

    def collection(self, watch: JsonObject) -> str:
        """The path of the listing that shows what `watch` names."""
        return self.path

    def pending(self, item: JsonObject, watch: JsonObject) -> model.Readiness | None:
        """What an item says of what `watch` names, if by a known status that is under way."""
        gone = watch.get("gone")
        reading = deletion(self.status(item)) if gone else self.readiness(item, watch)
        known = self.kind.lifecycle.words.get(reading.status)
        return reading if known is reading.state is State.PENDING else None

    async def told(self, answer: JsonObject) -> Tree:
        """What a describe answer tells of outputs."""
        return outputs_in(self.kind, answer)

    def readiness(self, answer: JsonObject, watch: JsonObject) -> model.Readiness:
        """What `answer` says about the thing that `watch` names."""
        return self.classify(self.status(answer))

    async def dependents(self, live: Live) -> tuple[str, ...]:
        """For most kinds the platform has no such call."""
        return ()

    async def makers(self, lives: Sequence[Live], read: Sequence[Live]) -> Mapping[LiveId, Key]:
        """The platform makes nothing for most kinds."""
        return {}

    async def hidden_in(self, live: Live, maker: Key) -> frozenset[Path]:
        """Most kinds hide nothing in what is made for them."""
        return frozenset()

    async def files(self, live: Live) -> tuple[ArchiveFile, ...] | None:
        """What the read brought along: of most kinds the platform gives no archive back."""
        return live.files

    async def archive(self, live: Live) -> bytes | None:
        """Of most kinds the platform gives no archive back."""
        return None

    async def versions(self, listed: Listed) -> tuple[model.KeptVersion, ...]:
        """Most kinds have no versions."""
        return ()

    async def drop_version(self, listed: Listed, version: model.KeptVersion) -> None:
        """By the id of the version, where it has one."""
        path = self.version_path(listed.id, version.number if version.id is None else version.id)
        try:
            await self.api.send("DELETE", path)
        except ApiError as error:
            if error.status != 404:
                raise

    def version_path(self, id: str | int, version: str | int) -> str:  # noqa: A002
        """Where one version is."""
        return self.at(id, version)

    async def archive_path(self, listed: Listed, version: str) -> str | None:
        """Of most kinds the platform gives no archive back."""
        return None

    async def listed_below(self, path: str, items: str) -> list[JsonDict]:
        """All pages of a listing below one resource; nothing when that is gone."""
        try:
            return await self.api.pages(path, (items,))
        except ApiError as error:
            if error.status != 404:
                raise
            return []

    async def download(self, path: str) -> bytes | None:
        """The bytes that a download gives, None for a 404."""
        try:
            return await self.api.download(path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def explain(self, result: model.CallResult) -> model.Failure:
        """The platform keeps no log for most kinds; its reason came with the status."""
        return model.Failure()

    async def log_page(self, result: model.CallResult, token: str | None) -> model.LogPage:
        """The platform keeps no log for most kinds."""
        return model.LogPage()

    async def outputs(self, result: model.CallResult) -> Tree:
        """What a describe answer has of them."""
        return outputs_in(self.kind, await self.get(self.at(result.id)) or {})

    async def build_log(
        self, listed: Listed, version: str | None, *, failed: bool
    ) -> model.BuildLog | None:
        """Most kinds are not built."""
        return None

    def status(self, answer: JsonObject) -> str:
        """The status word of a describe answer, "" where it has none."""
        return str(answer.get("status") or "")

    def classify(self, word: str) -> model.Readiness:
        """A status word by its meaning in the kind's schema; no word at all means ready."""
        if not word:
            return model.Readiness(State.READY)
        state = self.kind.lifecycle.words.get(word)
        if state is not None:
            return model.Readiness(state, word)
        return model.Readiness(State.PENDING, word, f'peakctl does not know the status "{word}"')

    def at(self, id: str | int, *rest: str | int) -> str:  # noqa: A002
        """The path of one item, or of something below it."""
        return self.path + "/".join(quote(str(part), safe="") for part in (id, *rest))

    async def get(self, path: str, query: Sequence[tuple[str, str]] = ()) -> JsonDict | None:
        """A describe answer, None for a 404."""
        try:
            answer = await self.api.get(path, query)
        except ApiError as error:
            if error.status == 404:
                return None
            raise
        return answer if isinstance(answer, dict) else {}


def deletion(word: str) -> model.Readiness:
    """The state of a deletion while the thing still answers; a refusal has its own status word."""
    refused = word.lower().replace("-", "_") == "delete_failed"
    return model.Readiness(State.FAILED if refused else State.PENDING, word)


T = TypeVar("T")
ODD = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What reading a value of another type than the contract's comes to."""


class Guarded:
    """An adapter that does not trust the answers. Raises ApiError where they make no sense.

    A call that ends so is in doubt: the platform may have acted before it answered.
    """

    def __init__(self, adapter: model.Adapter, kind: str) -> None:
        self._adapter = adapter
        self._kind = kind

    @property
    def makes(self) -> tuple[str, ...]:
        return self._adapter.makes

    async def index(self, resources: Sequence[Resource] = ()) -> tuple[Listed, ...]:
        return await self._read(self._adapter.index(resources))

    def ask_ahead(self) -> None:
        self._adapter.ask_ahead()

    async def first_page(self) -> tuple[tuple[Listed, ...], bool]:
        return await self._read(self._adapter.first_page())

    async def find(self, name: str) -> tuple[Listed, ...]:
        return await self._read(self._adapter.find(name))

    async def look_up(self, id: str | int, values: Tree) -> Listed | None:  # noqa: A002
        return await self._read(self._adapter.look_up(id, values))

    async def read(self, listed: Listed, resource: Resource | None) -> Live | None:
        return await self._read(self._adapter.read(listed, resource))

    async def pin(self, listed: Listed, version: str | None) -> JsonObject | None:
        return await self._read(self._adapter.pin(listed, version))

    async def name_versions(self, id: str | int, versions: Collection[str]) -> model.VersionNames:  # noqa: A002
        return await self._read(self._adapter.name_versions(id, versions))

    @property
    def numbered(self) -> str:
        return self._adapter.numbered

    async def read_version(self, listed: Listed, number: str) -> Live | None:
        return await self._read(self._adapter.read_version(listed, number))

    async def call(self, request: model.CallRequest) -> model.CallResult:
        doubtful = request.step is not model.Step.WAIT
        return await self._read(self._adapter.call(request), doubtful=doubtful)

    async def poll(self, result: model.CallResult) -> model.Readiness:
        return await self._read(self._adapter.poll(result))

    async def pending_in_listing(
        self, results: Sequence[model.CallResult], most: int
    ) -> model.PendingInListing:
        return await self._read(self._adapter.pending_in_listing(results, most))

    async def dependents(self, live: Live) -> tuple[str, ...]:
        return await self._read(self._adapter.dependents(live))

    async def makers(self, lives: Sequence[Live], read: Sequence[Live]) -> Mapping[LiveId, Key]:
        return await self._read(self._adapter.makers(lives, read))

    async def hidden_in(self, live: Live, maker: Key) -> frozenset[Path]:
        return await self._read(self._adapter.hidden_in(live, maker))

    async def files(self, live: Live) -> tuple[ArchiveFile, ...] | None:
        return await self._read(self._adapter.files(live))

    async def archive(self, live: Live) -> bytes | None:
        return await self._read(self._adapter.archive(live))

    async def versions(self, listed: Listed) -> tuple[model.KeptVersion, ...]:
        return await self._read(self._adapter.versions(listed))

    @property
    def drops_versions(self) -> bool:
        return self._adapter.drops_versions

    async def drop_version(self, listed: Listed, version: model.KeptVersion) -> None:
        return await self._read(self._adapter.drop_version(listed, version), doubtful=True)

    async def archive_path(self, listed: Listed, version: str) -> str | None:
        return await self._read(self._adapter.archive_path(listed, version))

    async def check(self, request: model.CallRequest) -> model.Checked | None:
        return await self._read(self._adapter.check(request), doubtful=True)

    async def explain(self, result: model.CallResult) -> model.Failure:
        return await self._read(self._adapter.explain(result))

    async def log_page(self, result: model.CallResult, token: str | None) -> model.LogPage:
        return await self._read(self._adapter.log_page(result, token))

    async def outputs(self, result: model.CallResult) -> Tree:
        return await self._read(self._adapter.outputs(result))

    async def build_log(
        self, listed: Listed, version: str | None, *, failed: bool
    ) -> model.BuildLog | None:
        return await self._read(self._adapter.build_log(listed, version, failed=failed))

    async def _read(self, answer: Awaitable[T], *, doubtful: bool = False) -> T:
        try:
            return _checked(await answer)
        except ODD as error:
            raise ApiError(self._diagnostic(error), doubtful=doubtful) from error

    def _diagnostic(self, error: Exception) -> Diagnostic:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{PurePath(frame.filename).name}, line {frame.lineno}"
        return Diagnostic(
            code="api/unexpected",
            summary=f"{self._kind}: the platform's answer is not of the documented shape",
            detail=f"{type(error).__name__} in {place}",
            fix="a newer peakctl may know this answer; else report it with that place",
        )


def _checked(answer: T) -> T:
    """`answer` itself. Raises TypeError where a part of it has another type than the model says.

    What adapters take over as it came (an id, a name, a version) would fail later, and elsewhere.
    """
    for each in answer if isinstance(answer, tuple) else (answer,):
        if isinstance(each, Listed):
            _expect(each.id, str, int)
            _expect(each.name, str)
        elif isinstance(each, Live):
            _expect(each.id, str, int)
            _expect(each.status, str)
            for number in (each.version, each.latest):
                _expect(number, str, type(None))
            for part in each.values.values():
                _expect(part, Mapping)
    return answer


def _expect(value: object, *types: type) -> None:
    if isinstance(value, bool) or not isinstance(value, types):
        raise TypeError(f"{type(value).__name__} where {types[0].__name__} is expected")
