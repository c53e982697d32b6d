"""Run the platform's real client against the emulator and write docs/interop.md.

Needs the network once, to install the client's releases into `.interop/`. Exit code 1 when a
command of the reference does not pass.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from interop.player import Client, Player, play_story
from interop.releases import install, samples_of
from interop.serving import serve_emulator
from interop.story import RELEASES, load_story
from interop.table import Told, render

ROOT = Path(__file__).parent.parent
TABLE = ROOT / "docs" / "interop.md"


def tell(folder: Path, release: str) -> Told:
    """The whole story with one release and a fresh emulator."""
    python = install(folder, release)
    began = time.monotonic()
    told = Told(release)
    for spoke in sorted({step.spoke for step in load_story()}):
        with (
            serve_emulator("--spoke-domain", spoke) as served,
            tempfile.TemporaryDirectory() as work,
        ):
            client = Client(python, served.address)
            player = Player(client, samples_of(python), Path(work))
            told.add(play_story(player, release, spoke), served.reached())
            client.close()
    told.seconds = time.monotonic() - began
    return told


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--folder", type=Path, default=ROOT / ".interop", help="environments")
    parser.add_argument("--release", action="append", choices=RELEASES, help="only this one")
    options = parser.parse_args()
    releases = options.release or RELEASES
    with ThreadPoolExecutor() as pool:
        told = list(pool.map(lambda release: tell(options.folder, release), releases))
    failed = 0
    for one in told:
        wrong = {name: problems for name, problems in one.found.items() if problems}
        failed += len(wrong)
        print(f"peak-sdk {one.release}: {len(one.found)} commands, {len(wrong)} with problems, "
              f"{len(one.reached)} endpoints, {one.seconds:.0f} s")  # fmt: skip
        for name, problems in wrong.items():
            print("".join(f"  {name}: {problem}\n" for problem in problems), end="")
    if not options.release:
        TABLE.write_text(render(told, len(load_story())))
        print(f"wrote {TABLE.relative_to(ROOT)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
