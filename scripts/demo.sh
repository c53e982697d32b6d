#!/usr/bin/env bash
# The main job on the embedded emulator: plan, apply, an empty second plan, and one edit.
# Works on a copy of the example, so that it can be run again and leaves nothing behind.
set -euo pipefail
cd "$(dirname "$0")/.."
example=manifests-examples/$1
[ -f "$example/peakctl.yaml" ] || { echo "demo: there is no $example" >&2; exit 64; }

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -R "$example/." "$copy"
rm -rf "$copy/.peakctl"
cd "$copy"
unset PEAKCTL_ENDPOINT

bold= plain=
[ -t 1 ] && [ -z "${NO_COLOR:-}" ] && bold=$'\033[1m' plain=$'\033[0m'
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
run() { say "\$ $*"; "$@"; }

echo "A copy of $example, on the emulator that comes with peakctl."
run peakctl plan -e local
run peakctl apply -e local --yes
say "Again: nothing is left to do."
run peakctl plan -e local --detailed-exitcode
source=$(find . -name '*.py' -not -path './.peakctl/*' | sort | head -n 1)
if [ -n "$source" ]; then
  say "\$ echo '# one more line' >> ${source#./}"
  echo '# one more line' >> "$source"
  run peakctl plan -e local
fi
