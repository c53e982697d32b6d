"""The least that an emulator of this build could be: a Starlette route with one SQLite select.

python bare_route.py prints its address once it serves.
"""

from __future__ import annotations

import json
import socket
import sqlite3
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request

store = sqlite3.connect(":memory:", check_same_thread=False)
store.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, body TEXT)")
store.execute("INSERT INTO rows VALUES (1, ?)", (json.dumps({"id": 1, "text": "a" * 500}),))


async def one(request: Request) -> Response:
    found = store.execute("SELECT body FROM rows WHERE id = ?", (request.path_params["id"],))
    return Response(found.fetchone()[0], media_type="application/json")


server = uvicorn.Server(
    uvicorn.Config(Starlette(routes=[Route("/rows/{id}", one)]), log_level="error", lifespan="off")
)
listening = socket.create_server(("127.0.0.1", 0))
print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
server.run([listening])
