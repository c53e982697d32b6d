#!/usr/bin/env bash
# Builds the documentation site into $2 with the environment $1, offline once that is made.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$1 site=$2
if [ ! -e "$venv/.ready" ] || [ docs/requirements.lock -nt "$venv/.ready" ]; then
  "${PYTHON:-python3}" -m venv --clear "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
    --requirement requirements.lock --requirement docs/requirements.lock
  touch "$venv/.ready"
fi
PYTHONPATH=. "$venv/bin/sphinx-build" --fail-on-warning --quiet -b html docs "$site"
echo "built $site/index.html"
