#!/usr/bin/env bash
# Real vaults against a real Bluetooth stack: Debian's kernel and BlueZ in a guest, emulated devices
# outside (docs/ble-tests.md). Every scene in one boot; a scene is a test; the last line counts them.
# usage: run.sh        BOOT=tcg|kvm|uml|auto   NIGHT=values   TICK=s   SEED=n   KEEP=folder
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.." || exit 1
cache=${VW_CACHE:-$HOME/.cache/vitalwitness}
target=${CARGO_TARGET_DIR:-target}
logs=${KEEP:-$target/ble}
mkdir -p "$cache/ble"

# parts.sh takes a skipped test off the passed ones.
skip() {
  echo "skipped: $1" >&2
  echo "1 passed, 0 failed"
  exit 0
}

[ "$(uname -m)" = x86_64 ] || skip "the Bluetooth guest is built for x86-64"
tests/setup.sh ble || skip "the Bluetooth guest's tools could not be had"
[ -n "$(ls "$cache"/sweat/*.tcx 2>/dev/null)" ] || skip "the recorded activities could not be had"

venv=$cache/ble/venv-$(sha256sum "$here/requirements.txt" | cut -c 1-16)
if [ ! -e "$venv/.whole" ]; then
  { python3 -m venv --clear "$venv" &&
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$here/requirements.txt" &&
    touch "$venv/.whole"; } >&2 || skip "bumble could not be had"
fi
export AIR=$venv/bin/python

guest=$("$here/build-guest.sh") || skip "the guest's packages could not be had"

cargo build --quiet --workspace --bins || exit 1
payload=$(mktemp -d)
trap 'rm -rf "$payload"' EXIT
for program in vhci-relay ble-guest; do strip -o "$payload/$program" "$target/debug/$program" || exit 1; done
cp "$here/payload-run.sh" "$payload/run.sh"

# /dev/kvm may be there and boot nothing: a guest that does nothing tells, once a start of this machine.
has_kvm() {
  [ -w /dev/kvm ] || return 1
  local known empty
  known=$cache/ble/kvm-$(cat /proc/sys/kernel/random/boot_id)
  if [ ! -e "$known" ]; then
    empty=$(mktemp -d)
    echo true >"$empty/run.sh"
    if BOOT=kvm LIMIT=20 "$here/boot.sh" "$guest" "$empty" "$empty/logs"; then echo yes >"$known"; else echo no >"$known"; fi
    rm -rf "$empty"
  fi
  [ "$(cat "$known")" = yes ]
}

boot=${BOOT:-auto}
if [ "$boot" = auto ]; then if has_kvm; then boot=kvm; else boot=tcg; fi; fi
if [ "$boot" = uml ]; then guest=$("$here/build-uml.sh" "$guest") || exit 1; fi
export BOOT=$boot
if [ -n "${VW_SLOW:-}" ]; then export NIGHT=${NIGHT:-28800} LIMIT=${LIMIT:-1500}; fi

# A boot that ends without a verdict is tried once more, and said so; a scene that fails is not.
tries=0
while :; do
  tries=$((tries + 1))
  rm -rf "$logs"
  began=$SECONDS
  "$here/boot.sh" "$guest" "$payload" "$logs"
  status=$?
  echo "boot $tries ($boot): status $status, $((SECONDS - began)) s"
  [ $status -ge 200 ] && [ $tries -lt 2 ] || break
  cp -r "$logs" "$logs.first"
done

if [ $status -ge 100 ]; then
  tail -n 40 "$logs/guest.log"
  echo "the guest gave no verdict ($status); logs are in $logs"
  echo "0 passed, 1 failed"
  exit 1
fi
"$target/debug/ble-judge" "$logs/ledger"
judged=$?
if [ $judged -ne 0 ]; then
  grep '^@' "$logs/guest.log" | tail -n 60
  echo "logs are in $logs"
fi
exit $judged
