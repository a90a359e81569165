#!/usr/bin/env bash
# Part of `make demo`: a strap streams into a vault over a real Bluetooth stack, in the guest of
# `make test-ble`. Builds nothing: without the guest it says in one line how to get it.
# usage: demo.sh
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.." || exit 1
cache=${VW_CACHE:-$HOME/.cache/vitalwitness}
target=${CARGO_TARGET_DIR:-target}
venv=$cache/ble/venv-$(sha256sum "$here/requirements.txt" | cut -c 1-16)
guest=$("$here/build-guest.sh" --if-built 2>/dev/null)
echo
if [ -z "$guest" ] || [ ! -e "$venv/.whole" ] || [ -z "$(ls "$cache"/sweat/*.tcx 2>/dev/null)" ] ||
  ! command -v qemu-system-x86_64 >/dev/null; then
  echo "Bluetooth: not shown, its guest is not built here; make test-ble builds it, then make demo shows a strap streaming."
  exit 0
fi

work=$(mktemp -d)
boot=
trap '[ -z "$boot" ] || kill "$boot" 2>/dev/null; rm -rf "$work"' EXIT
mkdir "$work/payload"
for program in vhci-relay ble-guest; do strip -o "$work/payload/$program" "$target/debug/$program" || exit 1; done
cp "$here/payload-run.sh" "$work/payload/run.sh"
echo "A strap streams over Bluetooth. Real: Debian's kernel and BlueZ in a guest, our radio, session and vault in it."
echo "Emulated: the air, and the strap, which replays the heart rates of a recorded activity, ten a second."
BOOT=tcg LIMIT=80 SCENES=strap SHOW=1 TICK=0.1 AIR=$venv/bin/python "$here/boot.sh" "$guest" "$work/payload" "$work/logs" &
boot=$!
tail --pid=$boot -n +1 -F "$work/logs/guest.log" 2>/dev/null | awk '
  { sub(/\r$/, "") }
  /^@v / { if (!shown++) printf "  live, per minute:"; printf " %s", $2; if (shown % 20 == 0) printf "\n                   "; fflush(); next }
  /^@t   strap / && $3 != "live" { if (shown) { print ""; shown = 0 } print "  " $3; fflush() }'
wait $boot
status=$?
boot=
if [ $status -ge 100 ]; then
  echo "The guest gave no verdict in its time (status $status): this machine is busy. make test-ble waits longer."
  exit 0
fi
echo "What the vault kept, held against what the strap wrote down, then sealed, synced and verified from outside:"
"$target/debug/ble-judge" "$work/logs/ledger"
