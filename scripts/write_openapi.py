"""Write docs/openapi.json, the description of the emulator that it also serves."""

from __future__ import annotations

import json
from pathlib import Path

from peakctl.emulator.admin import description

FILE = Path(__file__).resolve().parent.parent / "docs" / "openapi.json"


def text() -> str:
    return json.dumps(json.loads(description()), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
