"""GETs by http.client in 16 threads: python http_threads.py ADDRESS REQUESTS [PATH].

Prints seconds of CPU.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

local = threading.local()
place = urlsplit(sys.argv[1]).netloc
path = sys.argv[3] if len(sys.argv) > 3 else "/service/x/1"


def get(_: int) -> object:
    if not hasattr(local, "connection"):
        local.connection = http.client.HTTPConnection(place, timeout=60)
    local.connection.request("GET", path, headers={"Authorization": "bench"})
    answer = local.connection.getresponse()
    text = answer.read()
    if answer.status >= 300:
        raise RuntimeError(f"GET {path}: {answer.status} {text!r}")
    return json.loads(text)


with ThreadPoolExecutor(16) as pool:
    list(pool.map(get, range(16)))
    began = time.process_time()
    list(pool.map(get, range(int(sys.argv[2]))))
    print(time.process_time() - began)
