"""The client's releases, each in an environment of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# 1.8.0 leaves its dependencies open, and these moved on without it: click 8.2 refuses its flags,
# rich 14.1 breaks its progress bar.
PINS = {"1.8.0": ("click<8.2", "rich<14.1"), "1.29.0": ()}


def python_of(folder: Path, release: str) -> Path:
    """Where the interpreter of a release is, installed or not."""
    return folder / release / "bin" / "python"


def install(folder: Path, release: str) -> Path:
    """The interpreter of a release; installs it when it is not there yet."""
    python = python_of(folder, release)
    if not (folder / release / ".ready").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder / release)], check=True)
        packages = [f"peak-sdk=={release}", *PINS[release]]
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *packages], check=True)
        (folder / release / ".ready").touch()
    return python


def samples_of(python: Path) -> Path:
    """The folder of the package's sample files."""
    code = "import peak, pathlib; print(pathlib.Path(peak.__file__).parent / 'sample_yaml')"
    done = subprocess.run([str(python), "-c", code], check=True, capture_output=True, text=True)
    return Path(done.stdout.strip())
