"""Parse YAML with libyaml and nothing more: python parse.py FILE..."""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

for name in sys.argv[1:]:
    list(yaml.load_all(Path(name).read_text("utf-8"), yaml.CSafeLoader))
