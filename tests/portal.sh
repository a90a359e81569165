#!/usr/bin/env bash
# One step of the portal's tests: check, units, judged or browser. Brings what the step needs;
# downloads stay outside the clone, in $VW_CACHE. What cannot be had is said as "skipped: why".
set -euo pipefail
cd "$(dirname "$0")/../portal"
cache=${VW_CACHE:-$HOME/.cache/vitalwitness}
mkdir -p "$cache"

# parts.sh takes a skipped test off the passed ones.
skip() {
  echo "skipped: $1" >&2
  echo "1 passed, 0 failed"
  exit 0
}

node -e 'const [major, minor] = process.versions.node.split(".").map(Number);
  process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' 2>/dev/null &&
  command -v npm >/dev/null || skip "the portal's tests need Node 20.19 or later with npm"

installed=node_modules/.package-lock.json
if [ ! -e "$installed" ] || [ package-lock.json -nt "$installed" ]; then
  if ! npm ci --cache "$cache/npm" >"$cache/npm-ci.log" 2>&1; then
    # A lock file that does not fit is our defect; a registry out of reach is not.
    if grep -q EUSAGE "$cache/npm-ci.log"; then cat "$cache/npm-ci.log" >&2; exit 1; fi
    skip "the portal's libraries could not be had"
  fi
  touch "$installed"
fi

browser() {
  command -v chromium || command -v chromium-browser || command -v google-chrome
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

bring_browser() {
  command -v apt-get >/dev/null || return 1
  as_root apt-get update -q && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q chromium
}

case ${1:-} in
  check) npm run --silent check ;;
  units) npx --no-install vitest run tests/vectors.test.ts tests/page.test.ts ;;
  judged)
    cases=${CARGO_TARGET_DIR:-../target}/judged.jsonl
    cargo build --quiet --workspace --bins
    "${CARGO_TARGET_DIR:-../target}/debug/judged" "$cases" "${RECEIPTS:-10000}" "${SEED:-1}"
    VW_JUDGED=$(realpath "$cases") npx --no-install vitest run tests/judged.test.ts
    ;;
  browser)
    if ! browser >/dev/null; then
      bring_browser >"$cache/chromium.log" 2>&1 || skip "the check page's tests need Chromium"
    fi
    VW_CHROMIUM=$(browser) npx --no-install vitest run tests/browser
    ;;
  *) echo "portal.sh check | units | judged | browser" >&2; exit 2 ;;
esac
