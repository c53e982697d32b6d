"""What peakctl's archives cost: python archive_folders.py hash|pack FOLDER...

`hash` finds out the digests of all folders, as a plan does; `pack` makes the zips of archives whose
digests are known, as an apply does. Prints the seconds of one of `TIMES` rounds, after one that
warms the disk's cache.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from peakctl.archives import pack
from peakctl.model import Archive

TIMES = 20
folders = [Path(name) for name in sys.argv[2:]]


def archives() -> list[Archive]:
    if not hasattr(pack, "pack_all"):  # an older commit, of --against
        return [pack.pack(folder, None, folder.parent) for folder in folders]
    from peakctl.model import ArtifactFolder

    asked = [ArtifactFolder(folder, None) for folder in folders]
    return [each for each in pack.pack_all(asked, folders[0].parent) if isinstance(each, Archive)]


found = archives()
assert len(found) == len(folders), "a folder cannot be packed"
began = time.perf_counter()
for _ in range(TIMES):
    if sys.argv[1] == "hash":
        archives()
    else:
        for archive in found:
            archive.encode()
print((time.perf_counter() - began) / TIMES)
