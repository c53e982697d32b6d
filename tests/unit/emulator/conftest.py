"""A platform with a clock that only tests move."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from peakctl.emulator import Emulator, Options, emulator_transport

SECONDS = 10.0
SLOW = {
    "build_seconds": SECONDS,
    "deploy_seconds": SECONDS,
    "service_seconds": SECONDS,
    "delete_seconds": SECONDS,
    "execution_seconds": SECONDS,
}


class Peak:
    """An emulator, its clock, and short ways to ask it."""

    def __init__(self, data: str | Path = ":memory:", **options: Any) -> None:
        self.now = 1_600_000_000.0
        self.token = "a-token"
        options = {**SLOW, **options}
        self.emulator = Emulator(data, clock=lambda: self.now, options=Options(**options))

    def wait(self, seconds: float = SECONDS) -> None:
        self.now += seconds

    def send(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": self.token} if self.token else {}

        async def ask() -> httpx.Response:
            transport = emulator_transport(self.emulator)
            async with httpx.AsyncClient(transport=transport, base_url="http://peak") as client:
                return await client.request(
                    method, path, headers={**headers, **more.pop("headers", {})}, **more
                )

        return asyncio.run(ask())

    def ok(self, method: str, path: str, **more: Any) -> Any:
        response = self.send(method, path, **more)
        assert response.status_code < 300, response.text
        return response.json()

    def refused(self, status: int, method: str, path: str, **more: Any) -> str:
        response = self.send(method, path, **more)
        assert response.status_code == status, response.text
        return str(response.json()["detail"])

    def get(self, path: str, **query: Any) -> Any:
        return self.ok("GET", path, params=query)

    @staticmethod
    def zip(files: dict[str, str] | None = None) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, text in (files or {"Dockerfile": "FROM scratch\n"}).items():
                archive.writestr(name, text)
        return buffer.getvalue()

    @staticmethod
    def parts(artifact: bytes | None = None, **parts: Any) -> list[tuple[str, Any]]:
        """Parts as the client writes them: texts plain, all else as JSON."""
        out: list[tuple[str, Any]] = [
            (name, (None, value if isinstance(value, str) else json.dumps(value)))
            for name, value in parts.items()
        ]
        if artifact is not None:
            out.append(("artifact", ("artifact.zip", artifact, "application/zip")))
        return out

    def image(self, name: str = "image", dockerfile: str = "FROM scratch", **parts: Any) -> Any:
        """Begin an image from a Dockerfile; the answer of the create."""
        details = {"source": "dockerfile", "dockerfile": dockerfile}
        body = {"name": name, "type": "workflow", "buildDetails": details, **parts}
        return self.ok("POST", IMAGES, files=self.parts(**body))

    def ready_image(self, name: str = "image", **parts: Any) -> Any:
        made = self.image(name, **parts)
        self.wait()
        return made

    def service(self, image: Any, name: str = "service", **body: Any) -> str:
        details = {"imageId": image["imageId"]}
        sent = {"name": name, "serviceType": "api", "imageDetails": details, **body}
        return str(self.ok("POST", SERVICES, json=sent)["id"])

    def block(self, name: str = "block", artifact: bytes | None = None, **change: Any) -> str:
        """A workflow block; change: config, parameters, kind, scope, tenants, version, ..."""
        version = change.pop("version", "1.0.0")
        spec = {
            "version": 1,
            "kind": change.pop("kind", "workflow"),
            "metadata": {"name": name, "summary": "s"},
            "release": {"version": version, "notes": "n"},
            "config": change.pop("config", {"steps": {"a": {"type": "sql", "sqlQueryPath": "q"}}}),
        }
        parts = self.parts(artifact, spec=spec, **change)
        return str(self.ok("POST", BLOCKS, files=parts)["id"])

    def app(self, *blocks: str, name: str = "app", **change: Any) -> str:
        spec = {
            "version": 1,
            "kind": "app",
            "metadata": {"name": name, "summary": "s"},
            "release": {"version": "1.0.0"},
            "config": [{"id": block, "release": {"version": "1.0.0"}} for block in blocks],
        }
        texts = {key: json.dumps(value) for key, value in change.items() if key != "scope"}
        body = {"spec": json.dumps(spec), "featured": "null", "scope": change.get("scope"), **texts}
        return str(self.ok("POST", APPS, json=body)["id"])

    def deploy(self, spec: str, name: str = "deployed", root: str = "blocks", **body: Any) -> str:
        sent = {"metadata": {"name": name}, "spec": {"id": spec}, **body}
        return str(self.ok("POST", f"/press/v1/{root}/deployments/", json=sent)["id"])


IMAGES = "/service/image-management/api/v2/images/"
SERVICES = "/service/webapps/api/v1/webapps/"
BLOCKS = "/press/v1/blocks/specs/"
APPS = "/press/v1/apps/specs/"


@pytest.fixture
def peak() -> Iterator[Peak]:
    platform = Peak()
    yield platform
    platform.emulator.close()


@pytest.fixture
def make_peak() -> Iterator[Callable[..., Peak]]:
    made: list[Peak] = []

    def make(data: str | Path = ":memory:", **options: Any) -> Peak:
        made.append(Peak(data, **options))
        return made[-1]

    yield make
    for platform in made:
        platform.emulator.close()
