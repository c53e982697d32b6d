"""E-mails of the platform: sent, listed and read. No resources, since none can be changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import quote

from peakctl.adapters.answers import require
from peakctl.api.bodies import Part
from peakctl.api.client import Api
from peakctl.errors import ApiError, Diagnostic
from peakctl.model import JsonDict, JsonObject
from peakctl.model.records import dataclass
from peakctl.model.text import safe_line

PATH = "service/notifications/api/v1/emails"
_IN_JSON = ("recipients", "cc", "bcc", "templateParameters")
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with an e-mail."""

    name: str
    data: bytes


class Emails:
    """The calls of one tenant. Methods raise ApiError, NotAuthenticated."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def sent(self, since: str = "", until: str = "") -> list[JsonDict]:
        """Every e-mail between two moments, as the platform orders them.

        Moments are ISO text, "" the platform's own: now, and 90 days before.
        """
        dates = (("dateFrom", since), ("dateTo", until))
        query = (("count", "-1"), *((name, at) for name, at in dates if at))
        return await self._api.pages(PATH, ("emails",), query)

    async def describe(self, number: int) -> JsonDict | None:
        """One e-mail with its recipients; None where there is none of that number."""
        return await self._read(f"{PATH}/{number}")

    async def templates(self, scopes: Iterable[str] = (), term: str = "") -> list[JsonDict]:
        """The templates, of all scopes where none is named."""
        query = [*([("searchTerm", term)] if term else []), *(("scope", each) for each in scopes)]
        return await self._api.pages(f"{PATH}/templates", ("templates",), query)

    async def template(self, name: str) -> JsonDict | None:
        """One template with its text; None where there is none of that name."""
        return await self._read(f"{PATH}/templates/{quote(name, safe='')}")

    async def send(self, body: JsonObject, attachments: Sequence[Attachment] = ()) -> int:
        """Hand an e-mail over; gives its number. It is never repeated where it may have been taken.

        As parts where there are attachments, as JSON otherwise: both of the platform's own clients
        are known to be understood then (docs/platform.md, 5).
        """
        if not attachments:
            answer = await self._api.send("POST", PATH, json=body)
        else:
            parts = [
                Part(name, json=value) if name in _IN_JSON else Part(name, text=value)
                for name, value in body.items()
            ]
            files = [
                Part("attachments", file=each.data, filename=each.name) for each in attachments
            ]
            answer = await self._api.send("POST", PATH, parts=[*files, *parts])
        return number_of(require(answer, "id"))

    async def _read(self, path: str) -> JsonDict | None:
        try:
            found = await self._api.get(path)
        except ApiError as error:
            if error.status == _NOT_FOUND:
                return None
            raise
        return found if isinstance(found, dict) else None


def number_of(value: object) -> int:
    """The number of an e-mail. Raises a doubtful ApiError: it was sent, but who knows as what."""
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdecimal()):
        summary = f'the platform accepted an e-mail and answered the number "{text[:40]}"'
        raise ApiError(Diagnostic("api/no-id", safe_line(summary)), doubtful=True)
    return int(text)
