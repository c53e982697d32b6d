#!/usr/bin/env bash
# Makes the environment named by $1: peakctl (editable) with the emulator, and the development tools.
# The packages are those of requirements.lock; with "newest" as $2, the newest that pyproject.toml allows.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$1 which=${2:-locked}

fits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

found=
for python in "${PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11; do
  if fits "$python"; then found=$python; break; fi
done
if [ -z "$found" ]; then
  echo "setup: no Python 3.11 or newer; install one, or name it: make setup PYTHON=/path/to/python" >&2
  exit 1
fi

fits "$venv/bin/python" || "$found" -m venv --clear "$venv" || {
  echo "setup: $found cannot make environments; on Debian and Ubuntu: apt install python3-venv" >&2
  exit 1
}
echo "setting up $venv with $("$venv/bin/python" --version), $which packages"
install() { "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
if [ "$which" = newest ]; then
  install --upgrade 'pip>=25.1'  # the first that knows dependency groups
  install --upgrade --upgrade-strategy eager --editable '.[emulator]' --group dev
else
  install --require-hashes --no-deps --requirement requirements.lock
  # Its own build needs nothing from outside either: hatchling and editables are in the lock.
  install --no-deps --no-build-isolation --editable .
fi
# An editable install is compiled at each start where PYTHONDONTWRITEBYTECODE is set: do it once.
"$venv/bin/python" -m compileall -q peakctl
touch "$venv/.ready"
