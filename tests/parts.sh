#!/usr/bin/env bash
# Runs the named parts in turn, prints the time of each, and ends with one line:
# N passed, N failed, N skipped.
#
# A test that cannot run prints "skipped: why" straight to standard error and returns; it is
# counted as skipped, not as passed. A step that is no test runner counts as one test.
#
# Everything is built with --workspace, here and in the scripts below: asked for with -p, a crate gets
# other features, and all it stands on is built a second time.
set -u
cd "$(dirname "$0")/.." || exit 1
target=${CARGO_TARGET_DIR:-target}
logs=$target/parts
mkdir -p "$logs"
passed=0 failed=0 skipped=0

# step NAME COMMAND...: runs it, keeps its output, adds up what its runner counted.
step() {
  local name=$1 log="$logs/$1.log" start=$SECONDS status p f s ran
  shift
  "$@" >"$log" 2>&1
  status=$?
  ran=$(grep -cE '^test result: |^[0-9]+ passed, [0-9]+ failed' "$log")
  p=$(awk '/^test result: /{n+=$4} /^[0-9]+ passed, [0-9]+ failed/{n+=$1} END{print n+0}' "$log")
  f=$(awk '/^test result: /{n+=$6} /^[0-9]+ passed, [0-9]+ failed/{n+=$3} END{print n+0}' "$log")
  s=$(grep -c '^skipped: ' "$log")
  if [ "$ran" -eq 0 ]; then
    if [ $status -eq 0 ]; then p=1; else f=1; fi
  else
    p=$((p - s))
    if [ $status -ne 0 ] && [ "$f" -eq 0 ]; then f=1; fi
  fi
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  printf '%-22s %4d s   %d passed, %d failed, %d skipped (step)\n' "$name" $((SECONDS - start)) "$p" "$f" "$s"
  grep -h '^skipped: ' "$log" | sort -u
  if [ "$f" -gt 0 ]; then
    grep -nE '^error|^test .* FAILED|panicked at|^---- ' "$log" | head -40
    tail -n 60 "$log"
  fi
}

unit() {
  step fmt cargo fmt --all --check
  step clippy cargo clippy --workspace --all-targets --quiet -- -D warnings
  step unit cargo test --workspace --lib --bins --quiet
  local tests=() file
  for file in core/{proof,domain}/tests/*.rs; do tests+=(--test "$(basename "$file" .rs)"); done
  step vectors cargo test --workspace "${tests[@]}" --quiet
}

for part in "$@"; do
  began=$SECONDS
  case $part in
    check) unit ;;
    rust)
      step fmt cargo fmt --all --check
      step clippy cargo clippy --workspace --all-targets --quiet -- -D warnings
      step build cargo build --workspace --all-targets --quiet
      step tests cargo test --workspace --no-fail-fast --quiet
      step demo "$target/debug/demo"
      step demo-again "$target/debug/demo"
      ;;
    portal)
      step portal-check tests/portal.sh check
      step portal-units tests/portal.sh units
      step portal-judged tests/portal.sh judged
      step portal-browser tests/portal.sh browser
      ;;
    exports)
      step exports-made tests/exports/run.sh make
      step exports-chainpoint tests/exports/run.sh chainpoint
      step exports-tlog-cose tests/exports/run.sh tlog
      step exports-codes tests/exports/run.sh codes
      ;;
    kotlin) step kotlin tests/kotlin.sh ;;
    swift) step swift tests/swift.sh ;;
    ios) step ios tests/ios.sh ;;
    android) step android tests/android.sh ;;
    ble) step bluetooth tests/ble/run.sh ;;
    slow)
      VW_SLOW=1 step slow cargo test --workspace --no-fail-fast --quiet
      VW_SLOW=1 step slow-kotlin tests/kotlin.sh
      VW_SLOW=1 step slow-swift tests/swift.sh
      VW_SLOW=1 step slow-bluetooth tests/ble/run.sh
      VW_SLOW=1 NIGHT=3600 BOOT=uml step slow-bluetooth-uml tests/ble/run.sh
      step phones tests/mobile.sh
      ;;
    *) echo "no such part: $part" >&2; exit 2 ;;
  esac
  echo "part $part: $((SECONDS - began)) s"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
