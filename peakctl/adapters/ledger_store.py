"""Ledgers and histories as artifacts: one file in a zip, a version a write (docs/platform.md)."""

from __future__ import annotations

import io
import time
from urllib.parse import quote

from peakctl.adapters.answers import require
from peakctl.api.bodies import Part
from peakctl.api.client import Api
from peakctl.errors import ApiError, Diagnostic
from peakctl.ledger.codec import LARGEST
from peakctl.model import HISTORY_PREFIX, LEDGER_PREFIX, Clock, JsonObject, Listed, record_word
from peakctl.model.records import dataclass

PATH = "service/artifacts/api/v1/artifacts/"
ITEMS = ("artifacts",)
"""The key of the listing at `PATH` that holds its items."""
NO_LEDGER = b"null"
"""Stands for the text of an artifact that somebody else made: whole, and no ledger."""
_ENTRY = b"PK\x01\x02"
_MOST_ENTRIES = 100


@dataclass(frozen=True, slots=True)
class RecordKind:
    """One sort of peakctl's own artifacts: how their names begin, and the file that is in them."""

    prefix: str
    member: str
    description: str


LEDGERS = RecordKind(
    LEDGER_PREFIX,
    "ledger.json",
    "The ledger of peakctl: it says which resources a project owns and who applied them; "
    "do not delete or change it by hand.",
)
HISTORIES = RecordKind(
    HISTORY_PREFIX,
    "history.json",
    "The history of peakctl: what each run of a project did; do not delete or change it by hand.",
)


class ArtifactLedgers:
    """A `LedgerStore`. Without a `Date` in the platform's answers, `clock` tells the time.

    `records` says which of peakctl's artifacts it is for.
    """

    kind = "Artifact"

    def __init__(self, api: Api, clock: Clock | None = None, records: RecordKind = LEDGERS) -> None:
        self._api = api
        self._clock = clock
        self._records = records

    def now(self) -> float:
        """The platform's time as of its last answer, in seconds since 1970."""
        if self._api.server_time is not None:
            return self._api.server_time
        return self._clock.now() if self._clock else time.time()

    async def list(self) -> tuple[Listed, ...]:
        """All of the tenant, the oldest first: every page of the artifacts."""
        found = await self._api.pages(PATH, ITEMS)
        named = ((str(item.get("name", "")), item) for item in found)
        return self.pick(tuple(_listed(name, item) for name, item in named if is_record(name)))

    def pick(self, listed: tuple[Listed, ...]) -> tuple[Listed, ...]:
        """Those of this sort among artifacts, the oldest first."""
        prefix = self._records.prefix
        return tuple(sorted((e for e in listed if e.name.startswith(prefix)), key=_age))

    async def numbers(self, id: str | int) -> tuple[int, ...]:  # noqa: A002
        """The numbers of all versions, ascending; none when the artifact is gone."""
        try:
            found = await self._api.pages(_at(id), ("versions",))
        except ApiError as error:
            if error.status == 404:
                return ()
            raise
        return tuple(sorted({n for item in found if isinstance(n := item.get("version"), int)}))

    async def read(self, id: str | int, number: int | None = None) -> bytes | None:  # noqa: A002
        """The text of a version (None: the newest); None when it is gone, b"" when it is none."""
        parts = (id, "download") if number is None else (id, number, "download")
        try:
            return text_of(await self._api.download(_at(*parts)), self._records.member)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def create(self, name: str, text: bytes) -> str | int:
        """Make an artifact; its id. Raises a doubtful ApiError for an answer without one."""
        fields = (Part("name", text=name), Part("description", text=self._records.description))
        answer = await self._api.send("POST", PATH, parts=[self._part(text), *fields])
        made: str | int = require(answer, "id")
        return made

    async def append(self, id: str | int, text: bytes) -> int:  # noqa: A002
        """Add a version; its number. Raises a doubtful ApiError for an answer without one."""
        answer = await self._api.send("PUT", _at(id), parts=[self._part(text)])
        return int(require({"version": _number(answer)}, "version"))

    async def drop(self, id: str | int, number: int) -> None:  # noqa: A002
        """Delete a version; the platform may refuse it (422), which is no error here."""
        await self._delete(_at(id, number), (404, 422))

    async def remove(self, id: str | int) -> None:  # noqa: A002
        """Delete an artifact, if it is there."""
        await self._delete(_at(id), (404,))

    def _part(self, text: bytes) -> Part:
        return Part("artifact", file=zip_of(text, self._records.member))

    async def _delete(self, path: str, fine: tuple[int, ...]) -> None:
        try:
            await self._api.send("DELETE", path)
        except ApiError as error:
            if error.status not in fine:
                raise


def _listed(name: str, item: JsonObject) -> Listed:
    if "id" not in item:
        summary = f'the platform lists the artifact "{name}" without an id'
        raise ApiError(Diagnostic("api/unexpected", summary, fix="run the same command again"))
    return Listed(item["id"], name, item, ours=False)


def is_record(name: str) -> bool:
    """Whether an artifact of this name is peakctl's own, and so never managed as a resource."""
    return record_word(name) is not None


def zip_of(text: bytes, member: str = LEDGERS.member) -> bytes:
    """A zip with one file; the same bytes for the same text."""
    import zipfile

    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        info = zipfile.ZipInfo(member, (1980, 1, 1, 0, 0, 0))
        info.compress_type = zipfile.ZIP_DEFLATED
        info.create_system = 3  # the same on every system
        info.external_attr = 0o644 << 16
        archive.writestr(info, text)
    return target.getvalue()


def text_of(data: bytes, member: str = LEDGERS.member) -> bytes:
    """The text in a zip, b"" where there is none to be read. Takes little memory, whatever it is.

    A sound zip of other files gives `NO_LEDGER`. Only deflate can be unpacked piece by piece; the
    other methods are refused.
    """
    if len(data) > LARGEST or data.count(_ENTRY) > _MOST_ENTRIES:
        return NO_LEDGER
    import zipfile

    from peakctl.archives.zips import BROKEN

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            found = [each for each in archive.infolist() if each.filename == member]
            if not found:
                return NO_LEDGER
            (info,) = found
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                return b""
            with archive.open(info) as packed:
                text = packed.read(LARGEST + 1)
    except BROKEN:
        return b""
    return text if len(text) <= LARGEST else b""


def _number(answer: object) -> int | None:
    number = answer.get("version") if isinstance(answer, dict) else None
    return number if isinstance(number, int) and not isinstance(number, bool) else None


def _at(*parts: str | int) -> str:
    return PATH + "/".join(quote(str(part), safe="") for part in parts)


def _age(listed: Listed) -> tuple[str, str]:
    return str(listed.item.get("createdAt") or ""), str(listed.id)
