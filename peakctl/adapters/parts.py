"""What a deployment has made, looked up by kind and name; a read that fails tells nothing."""

from __future__ import annotations

import asyncio

from peakctl.adapters.answers import items, mapping
from peakctl.api.client import Api
from peakctl.errors import PeakctlError
from peakctl.kinds.fields import outputs_in
from peakctl.kinds.schemas import load_kinds
from peakctl.model import JsonDict, JsonObject

MOST_PARTS = 10
"""Parts that are looked up; of the rest only the names are told."""
WORKFLOWS = "service/workflows/api/v1/workflows/"
SERVICES = "service/webapps/api/v1/webapps/"
WORKFLOW_WORDS = ("workflow",)
SERVICE_WORDS = ("service", "webapp", "web-app")


async def find_part(api: Api, made: JsonObject) -> JsonObject:
    """The item of the listing for something that a deployment has made; empty where there is none.

    One request, none for a kind that nothing lists.
    """
    word, name = str(made.get("kind")).lower(), str(made.get("name"))
    if word in WORKFLOW_WORDS:
        return await _listed(api, WORKFLOWS, ("workflows",), name)
    if word in SERVICE_WORDS:
        query = (("featureType", "services"),)
        return await _listed(api, SERVICES, ("services", "webapps"), name, *query)
    return {}


async def outputs_of_parts(api: Api, described: JsonObject) -> JsonDict:
    """The addresses and webhooks of what a deployment has made, each a list.

    One request for each workflow, two for each service: its address is in no listing.
    """
    made = items(mapping(described.get("latestRevision")).get("resources"))[:MOST_PARTS]
    found = await asyncio.gather(*(_outputs(api, each) for each in made))
    addresses = [each["address"] for each in found if "address" in each]
    webhooks = [hook for each in found for hook in each.get("webhooks", ())]
    every = {"addresses": addresses, "webhooks": webhooks}
    return {name: values for name, values in every.items() if values}


async def _outputs(api: Api, made: JsonObject) -> JsonDict:
    item = await find_part(api, made)
    if str(made.get("kind")).lower() in WORKFLOW_WORDS:
        return outputs_in(load_kinds()["Workflow"], item)
    described = await get_mapping(api, f"{SERVICES}{item['id']}") if "id" in item else {}
    return outputs_in(load_kinds()["Service"], described)


async def _listed(
    api: Api, path: str, names: tuple[str, ...], name: str, *query: tuple[str, str]
) -> JsonObject:
    try:
        found = await api.pages(path, names, (*query, ("searchTerm", name)))
    except PeakctlError:
        return {}
    return next((item for item in found if item.get("name") == name), {})


async def get_mapping(api: Api, path: str) -> JsonObject:
    """A describe answer; empty where it cannot be read."""
    try:
        return mapping(await api.get(path))
    except PeakctlError:
        return {}
