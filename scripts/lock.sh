#!/usr/bin/env bash
# Writes requirements.lock: one release with its hashes for each package that setup installs, for every
# Python and system that peakctl runs on. Then checks that all of them have wheels. Needs the network.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=$1
"${PYTHON:-python3}" -m venv "$tools"
"$tools/bin/python" -m pip install --quiet --disable-pip-version-check 'uv>=0.8'
new=$(mktemp)
trap 'rm -f "$new"' EXIT

# No header of uv's and no addresses: they would hold paths and hosts of the machine that ran this.
"$tools/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
  --no-header --no-annotate --extra emulator --group dev pyproject.toml --output-file "$new"
for python in 3.11 3.12 3.13 3.14; do
  for system in x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu aarch64-apple-darwin; do
    "$tools/bin/uv" pip compile --quiet --python-version $python --python-platform $system \
      --only-binary :all: "$new" >/dev/null ||
      { echo "lock: not every package has a wheel for Python $python on $system" >&2; exit 1; }
  done
done
{ echo "# Made by make lock; do not edit. What make setup installs, from 3.11 on, with hashes."
  cat "$new"; } > requirements.lock
# What other targets need beyond that, in the same versions where both need it.
beside() { # GROUP FILE TARGET
  "$tools/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
    --no-header --no-annotate --constraint requirements.lock --group "$1" --output-file "$new" pyproject.toml
  "$tools/bin/python" - "$3" requirements.lock "$new" > "$2" <<'PY'
import re, sys
both = [re.split(r"\n(?=\S)", open(name, encoding="utf-8").read().strip()) for name in sys.argv[2:]]
print(f"# Made by make lock; do not edit. What make {sys.argv[1]} installs beside requirements.lock, with hashes.")
print("\n".join(package for package in both[1] if package not in both[0]))
PY
}
beside docs docs/requirements.lock docs
beside readers tests/readers/requirements.lock readers
echo "requirements.lock: $(grep -c '==' requirements.lock) packages"
