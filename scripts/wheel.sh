#!/usr/bin/env bash
# Builds the wheel, installs it into an empty environment elsewhere, and tries it there.
set -euo pipefail
cd "$(dirname "$0")/.."
here=$PWD
rm -rf dist
python -m build --wheel --outdir dist . >/dev/null
wheel=$(ls "$here"/dist/*.whl)

elsewhere=$(mktemp -d)
trap 'rm -rf "$elsewhere"' EXIT
python -m venv "$elsewhere/venv"
"$elsewhere/venv/bin/python" -m pip install --quiet --disable-pip-version-check "${wheel}[emulator]"
cp -R "$here/manifests-examples/workflow-block" "$elsewhere/project"
cd "$elsewhere/project"
peakctl=$elsewhere/venv/bin/peakctl
"$peakctl" --version
"$peakctl" schema Image | "$elsewhere/venv/bin/python" -c 'import json, sys; print("schema:", json.load(sys.stdin)["title"])'
"$peakctl" validate
"$peakctl" plan -e local | tail -n 1
echo "good: $(basename "$wheel")"
