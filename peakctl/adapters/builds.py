"""Image builds: the status of one, and the end of its log (docs/platform.md, 2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.adapters.shapes import last_lines
from peakctl.errors import ApiError

if TYPE_CHECKING:
    from peakctl.api.client import Api
    from peakctl.model import Tree

LINES = 20
PAGES = 50


async def build_word(api: Api, path: str, watch: Tree) -> str:
    """The status of the build `watch["buildId"]`, "" when the listing does not have it."""
    query = (("count", "-1"), ("versions", str(watch["versionId"])))
    found = await api.pages(path, ("builds",), query)
    own = (b for b in found if str(b.get("buildId")) == watch["buildId"])
    return str(next(own, {}).get("status") or "")


async def build_lines(api: Api, path: str) -> tuple[str, ...]:
    """The last lines of the log at `path`; empty when the platform has none (404)."""
    messages: list[str] = []
    token: str | None = None
    for _ in range(PAGES):
        try:
            page = await api.get(path, (("nextToken", token),) if token else ())
        except ApiError as error:
            if error.status == 404:
                break
            raise
        logs = page.get("logs") or []
        messages = (messages + [str(line.get("message") or "") for line in logs])[-LINES:]
        if not logs or page.get("nextToken") in (None, "", token):
            break
        token = page["nextToken"]
    return last_lines(messages, LINES)
