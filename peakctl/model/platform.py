"""What the engine asks of the platform: calls, readings, one adapter a kind; and the clock."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import field
from typing import Protocol

from peakctl.model.plan import Change, Failure, Step
from peakctl.model.records import dataclass
from peakctl.model.resources import (
    Archive,
    ArchiveFile,
    Edit,
    Listed,
    Live,
    LiveId,
    Resource,
    State,
)
from peakctl.model.values import JsonObject, Key, Path, Tree, empty_tree


class Clock(Protocol):
    """Time as the engine and the API client see it; tests drive a fake one."""

    def now(self) -> float:
        """Seconds since 1970."""

    async def sleep(self, seconds: float) -> None:
        """Return `seconds` later."""


@dataclass(frozen=True, slots=True)
class CallRequest:
    """One call that an adapter is asked to make.

    `desired` holds no `Unknown`; `changes` are those that this call carries; `clear` are paths
    whose removal a first attempt did not achieve, now to be sent as explicit nulls.
    """

    step: Step
    key: Key
    desired: Tree
    live: Live | None = None
    version: str | None = None
    changes: tuple[Change, ...] = ()
    archives: Mapping[Path, Archive] = field(default_factory=dict)
    clear: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class LogPage:
    """A part of a log, and the token of the next one; None where there is none yet."""

    lines: tuple[str, ...] = ()
    token: str | None = None


@dataclass(frozen=True, slots=True)
class BuildLog:
    """The log of one build. `status` is the platform's word, `lines` the last ones of the log."""

    build: str
    version: str
    status: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CallResult:
    """What a call answered: the id, what references receive, and what to poll (None: nothing).

    `outputs` are what the resource gives to people, None where the answer does not tell. `number`
    is that of the version or revision made, where the platform numbers them and tells it.
    """

    key: Key
    id: str | int
    attributes: Tree = field(default_factory=empty_tree)
    watch: JsonObject | None = None
    outputs: Tree | None = None
    number: str | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of asking whether a call would be taken.

    `refused` is the platform's reason, "" where it would take it. `made` is the id of what it made
    all the same: an older platform takes the question for the call itself.
    """

    refused: str = ""
    made: str | int | None = None


@dataclass(frozen=True, slots=True)
class Readiness:
    """One reading of something under way.

    `message` is the platform's reason for a failure; `outputs` are those of `CallResult`.
    """

    state: State
    status: str = ""
    message: str = ""
    outputs: Tree | None = None


@dataclass(frozen=True, slots=True)
class PendingInListing:
    """What a listing says is still under way, by the keys of the calls that started it.

    `requests` is how many a look at the whole listing takes, 0 where none tells.
    """

    readings: Mapping[Key, Readiness] = field(default_factory=dict)
    requests: int = 0


@dataclass(frozen=True, slots=True)
class VersionNames:
    """What people call a resource and its versions: its name, and numbers by version id."""

    name: str | None = None
    numbers: Mapping[str, str] = field(default_factory=empty_tree)


@dataclass(frozen=True, slots=True)
class KeptVersion:
    """One version, release or revision that the platform keeps of a resource.

    `state` and `status` are those of the version, READY and "" for what has none. `id` is that by
    which the platform names it, where that is not its number. `made` is when and by whom, `notes`
    what was said of it, `digest` that of its files, where these two are told.
    """

    number: str
    id: str | int | None = None
    state: State = State.READY
    status: str = ""
    made: Edit | None = None
    notes: str = ""
    digest: str = ""


class Adapter(Protocol):
    """One kind's calls. One request per method where the API allows it; no waiting inside."""

    @property
    def makes(self) -> tuple[str, ...]:
        """The kinds of what the platform makes for resources of this kind, and is theirs."""

    async def index(self, resources: Sequence[Resource] = ()) -> tuple[Listed, ...]:
        """Every resource of the kind in the tenant: all pages of its listing.

        `resources` are those of the run that are of this kind or refer to it: an adapter may leave
        out listings that none of them needs.
        """

    def ask_ahead(self) -> None:
        """Begin with the request of the next `index`, where no resource has a say in it."""

    async def first_page(self) -> tuple[tuple[Listed, ...], bool]:
        """What the first page of each of its listings has, and whether that is all there is."""

    async def find(self, name: str) -> tuple[Listed, ...]:
        """What has exactly this name, looked up again (names are not unique everywhere)."""

    async def look_up(self, id: str | int, values: Tree) -> Listed | None:  # noqa: A002
        """What has the id, also where no listing shows it; None when it is gone (404).

        `values` are those that it has, or is to have, where anything is known of them: they may
        tell by which route to ask.
        """

    async def read(self, listed: Listed, resource: Resource | None) -> Live | None:
        """The live resource in manifest shape, or None when it is gone (404).

        `resource`, when given, narrows what is read: its fixed version, its archive, its declared
        parameters.
        """

    async def pin(self, listed: Listed, version: str | None) -> Tree | None:
        """`{"id", "version"}` as a reference to `version` (None: the newest ready one) needs them.

        None when there is no such version. Where the version is an id, its `number` comes along.
        """

    async def name_versions(
        self,
        id: str | int,  # noqa: A002
        versions: Collection[str],
    ) -> VersionNames:
        """What the resource `id` is called, and the numbers of `versions` (ids), in one request.

        Whatever the platform does not tell is left out; all of it, for a kind whose versions have
        no ids.
        """

    @property
    def numbered(self) -> str:
        """What the platform calls what it keeps of a resource's past: `version`, `release`,

        `revision`; "" where it keeps nothing.
        """

    async def read_version(self, listed: Listed, number: str) -> Live | None:
        """The resource as it was at that number, in manifest shape; None where it is not there.

        What does not belong to a version (metadata, of most kinds) is as it is now.
        """

    async def call(self, request: CallRequest) -> CallResult:
        """Make one call. Raises `ApiError`: `doubtful` tells whether it may have taken effect."""

    async def check(self, request: CallRequest) -> Checked | None:
        """Ask whether a call would be taken; None where the platform cannot be asked that.

        An older platform may make what is asked about, so it is as much in doubt as the call is.
        Raises `ApiError`.
        """

    async def poll(self, result: CallResult) -> Readiness:
        """Read once the state of the thing that `call` started."""

    async def pending_in_listing(
        self, results: Sequence[CallResult], most: int
    ) -> PendingInListing:
        """What the listing of the kind tells of the things that calls started: the pending ones.

        What has ended, does not show, or cannot be told from a listing is left out. At most about
        `most` requests: of a longer listing only the first page is read. Raises ApiError.
        """

    async def dependents(self, live: Live) -> tuple[str, ...]:
        """What uses it, as `Kind/name`, where one request tells; empty where none does."""

    async def makers(self, lives: Sequence[Live], read: Sequence[Live]) -> Mapping[LiveId, Key]:
        """Which of `lives` the platform made for resources of this kind, each with the maker's key.

        By kind and id. `read` are resources of this kind that have been read: what they tell is
        not read again. Nothing is read that cannot decide.
        """

    async def hidden_in(self, live: Live, maker: Key) -> frozenset[Path]:
        """The places of values in `live` that no output may show, since `maker` hides them.

        `maker` is the resource of this kind for which the platform made `live`. Where it cannot be
        known what it hides, that is every place of a text.
        """

    async def files(self, live: Live) -> tuple[ArchiveFile, ...] | None:
        """The files of the archive of `live`; None where the platform does not give it back.

        At most one request, none for what the read brought along. Raises ApiError, and PeakctlError
        for what is no archive.
        """

    async def archive(self, live: Live) -> bytes | None:
        """The archive of `live` as the platform keeps it; None where it does not give it back.

        At most one request. Raises ApiError. The bytes are not to be trusted.
        """

    async def versions(self, listed: Listed) -> tuple[KeptVersion, ...]:
        """Every version, release or revision that the platform keeps, the newest first; all pages.

        None of what is gone, and of a kind that has none.
        """

    @property
    def drops_versions(self) -> bool:
        """Whether single versions can be deleted, while the resource stays."""

    async def drop_version(self, listed: Listed, version: KeptVersion) -> None:
        """Ask the platform to delete one version; no error where it is gone. One request.

        Raises ApiError: 409 or 422 where the platform does not let go of it.
        """

    async def archive_path(self, listed: Listed, version: str) -> str | None:
        """Where the archive of a version is kept, as a path of the API; None where it has none."""

    async def explain(self, result: CallResult) -> Failure:
        """Why what `call` started has failed: the states of its parts, the end of its log.

        A few requests at most, none where the platform has nothing to tell.
        """

    async def log_page(self, result: CallResult, token: str | None) -> LogPage:
        """The next part of the log of what `call` started: one request, or none.

        `token` is that of the part before, None at first.
        """

    async def outputs(self, result: CallResult) -> Tree:
        """What the resource gives to people, where neither call nor poll told it: one request."""

    async def build_log(
        self, listed: Listed, version: str | None, *, failed: bool
    ) -> BuildLog | None:
        """The log of the newest build of a version (None: of any); of those that failed, `failed`.

        None where there is no such build, or the kind has none.
        """
