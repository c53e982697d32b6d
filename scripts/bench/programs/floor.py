"""The least that a plan and a first apply cost: 16 threads on http.client, needed requests only.

python floor.py plan|apply ADDRESS RESOURCES

No templates, no YAML, no checks, no diff. A service or workflow starts when its image is ready;
images and services are polled once.
"""

from __future__ import annotations

import http.client
import json
import math
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from urllib.parse import urlsplit

IMAGES = "/service/image-management/api/v2/images/"
SERVICES = "/service/webapps/api/v1/webapps/"
WORKFLOWS = "/service/workflows/api/v1/workflows/"
LISTS = (
    (IMAGES, "images"),
    (f"{SERVICES}?featureType=services&", "services"),
    (WORKFLOWS, "workflows"),
)
local = threading.local()
address = ""


def request(method: str, path: str, body: bytes = b"", kind: str = "application/json") -> dict:
    if not hasattr(local, "connection"):
        local.connection = http.client.HTTPConnection(address, timeout=60)
    headers = {"Authorization": "floor", "Content-Type": kind}
    local.connection.request(method, path, body or None, headers)
    response = local.connection.getresponse()
    text = response.read()
    if response.status >= 300:
        raise RuntimeError(f"{method} {path}: {response.status} {text!r}")
    return json.loads(text or b"{}")


def page(path: str, number: int) -> dict:
    mark = "" if path.endswith("&") else "?"
    return request("GET", f"{path}{mark}pageSize=100&pageNumber={number}")


def plan(pool: ThreadPoolExecutor) -> None:
    """Every page, then a describe of every item as soon as its page is in."""
    reads: list[Future] = []
    lock = threading.Lock()

    def listed(path: str, key: str, number: int) -> None:
        answer = page(path, number)
        base = path.partition("?")[0]
        with lock:
            if number == 1:
                pages = range(2, math.ceil(answer["pageCount"]) + 1)
                reads.extend(pool.submit(listed, path, key, each) for each in pages)
            ours = (item for item in answer[key] if item.get("scope") != "global")
            reads.extend(pool.submit(request, "GET", f"{base}{item['id']}") for item in ours)

    first = [pool.submit(listed, path, key, 1) for path, key in LISTS]
    for each in first:
        each.result()
    done = 0
    while done < len(reads):
        reads[done].result()
        done += 1


def form(fields: dict[str, str]) -> bytes:
    parts = (
        f'--floor\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    return ("".join(parts) + "--floor--\r\n").encode()


def make_image(n: int) -> dict:
    details = json.dumps({"source": "dockerfile", "dockerfile": "FROM python:3.12-slim\n"})
    fields = {"name": f"floor-{n}", "type": "workflow", "version": "0.0.1", "buildDetails": details}
    image = request("POST", IMAGES, form(fields), "multipart/form-data; boundary=floor")
    request("GET", f"{IMAGES}{image['imageId']}/versions/{image['versionId']}")
    return image


def make_service(n: int, image: dict) -> None:
    details = {"imageId": image["imageId"], "versionId": image["versionId"]}
    body = {"name": f"floor-{n}", "serviceType": "api", "imageDetails": details}
    made = request("POST", SERVICES, json.dumps(body).encode())
    request("GET", f"{SERVICES}{made['id']}")


def make_workflow(n: int, image: dict) -> None:
    on = {"imageId": image["imageId"], "imageVersionId": image["versionId"]}
    steps = {name: {"type": "standard", "command": f"python {name}.py", **on} for name in "abc"}
    request("POST", WORKFLOWS, json.dumps({"name": f"floor-{n}", "steps": steps}).encode())


def apply(pool: ThreadPoolExecutor, total: int) -> None:
    """The listings, the images, and what refers to an image as soon as that one is made."""
    images, services = max(1, total // 5), total * 3 // 10
    rest: list[Future] = []
    for each in [pool.submit(page, path, 1) for path, _ in LISTS]:
        each.result()

    def make(n: int) -> None:
        image = make_image(n)
        rest.extend(pool.submit(make_service, k, image) for k in range(n, services, images))
        workflows = range(n, total - images - services, images)
        rest.extend(pool.submit(make_workflow, k, image) for k in workflows)

    for each in [pool.submit(make, n) for n in range(images)]:
        each.result()
    for each in list(rest):
        each.result()


if __name__ == "__main__":
    what, place, count = sys.argv[1:4]
    address = urlsplit(place).netloc
    with ThreadPoolExecutor(16) as threads:
        plan(threads) if what == "plan" else apply(threads, int(count))
