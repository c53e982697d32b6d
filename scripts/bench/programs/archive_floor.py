"""The least that archives cost: python archive_floor.py hash|zlib|threads FOLDER...

Finds and reads every file, and hashes it, or compresses it as a zip has it; `threads` hashes in as
many threads as there are processors. Prints the seconds of one of `TIMES` rounds, after one that
warms the disk's cache.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TIMES = 20


def hashed(path: Path) -> None:
    hashlib.sha256(path.read_bytes()).hexdigest()


def compressed(path: Path) -> None:
    data = path.read_bytes()
    zlib.crc32(data)
    one = zlib.compressobj(6, zlib.DEFLATED, -15)
    one.compress(data)
    one.flush()


def run(what: str, folders: list[str]) -> None:
    found = [each for folder in folders for each in os.scandir(folder) if each.stat().st_size]
    paths = [Path(each.path) for each in found]
    if what == "threads":
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            list(threads.map(hashed, paths))
        return
    for path in paths:
        (hashed if what == "hash" else compressed)(path)


run(sys.argv[1], sys.argv[2:])
began = time.perf_counter()
for _ in range(TIMES):
    run(sys.argv[1], sys.argv[2:])
print((time.perf_counter() - began) / TIMES)
