#!/usr/bin/env bash
# Boots the Bluetooth guest once with a payload, the emulated devices beside it, and ends with the
# guest's status (0 to 125; 200: it ended without a verdict, 201: out of time, 202: no air).
# Leaves guest.log, air.log and ledger/ in LOGS.
# usage: boot.sh GUEST PAYLOAD LOGS
#   BOOT=tcg|kvm|uml   TICK=s between values   NIGHT=values   SEED=n   LIMIT=s   SCENES='a b' (all)   SHOW=1 values, too   AIR=python with bumble
set -uo pipefail
guest=$1 payload=$2 logs=$3
here=$(cd "$(dirname "$0")" && pwd)
cache=${VW_CACHE:-$HOME/.cache/vitalwitness}
limit=${LIMIT:-600}
now=2026-11-20T06:30:00 # the same in every run: so are the ledgers
work=$(mktemp -d)
mkdir -p "$logs/ledger" "$work/payload/t"
air=
trap '[ -z "$air" ] || kill "$air" 2>/dev/null; rm -rf "$work"' EXIT

# The air says READY on its standard output, and nothing else.
mkfifo "$work/ready"
"${AIR:-$cache/ble/venv/bin/python}" "$here/peripherals/main.py" "$work" "$logs/ledger" \
  --recording "${RECORDING:-$cache/sweat/activity_4801048867.tcx}" \
  --now "$now" --tick "${TICK:-0.01}" --night "${NIGHT:-3600}" --seed "${SEED:-1}" >"$work/ready" 2>"$logs/air.log" &
air=$!

cp -a "$payload/." "$work/payload/t/"
echo "now=$now tick_ms=$(awk "BEGIN{print int(1000 * ${TICK:-0.01})}") scenes='${SCENES:-}' show=${SHOW:-}" >"$work/payload/t/settings"
{
  cat "$guest/base.cpio.zst"
  (cd "$work/payload" && find . | LC_ALL=C sort | cpio -o -H newc --quiet -R 0:0)
} >"$work/initrd"

read -r ready <"$work/ready" || true
if [ "${ready:-}" != READY ]; then
  cat "$logs/air.log" >&2
  exit 202
fi

case ${BOOT:-tcg} in
  uml)
    # user-mode Linux keeps its memory in a file of TMPDIR; its serial lines are our sockets
    TMPDIR=$work timeout -k 5 "$limit" python3 "$here/uml.py" "$guest/linux-uml" "$work/initrd" "$work" \
      >"$logs/guest.log" 2>&1 </dev/null
    ended=$?
    status=$(sed -n 's/^@t EXIT \([0-9]*\).*/\1/p' "$logs/guest.log" | tail -n 1)
    if [ -z "$status" ]; then [ $ended -eq 124 ] && status=201 || status=200; fi
    ;;
  *)
    accel=(-accel "tcg,thread=multi" -cpu max)
    [ "${BOOT:-tcg}" = kvm ] && accel=(-accel kvm -cpu host)
    timeout -k 5 "$limit" qemu-system-x86_64 "${accel[@]}" -smp 2 -m 384 -nodefaults -no-user-config -no-reboot \
      -kernel "$guest/vmlinuz" -initrd "$work/initrd" \
      -append "console=ttyS0 quiet loglevel=3 panic=-1 random.trust_cpu=on mitigations=off" \
      -display none -serial stdio -monitor none -device virtio-rng-pci \
      -device isa-debug-exit,iobase=0xf4,iosize=0x04 -device virtio-serial-pci \
      -chardev "socket,id=hci,path=$work/hci.sock" -device virtserialport,chardev=hci,name=hci \
      -chardev "socket,id=steer,path=$work/steer.sock" -device virtserialport,chardev=steer,name=steer \
      >"$logs/guest.log" 2>&1 </dev/null
    ended=$?
    # the guest's status comes as 2n+3; QEMU that cannot start exits with 1
    if [ $ended -eq 124 ] || [ $ended -eq 137 ]; then # 137: it had to be killed
      status=201
    elif [ $((ended % 2)) -eq 1 ] && [ $ended -ge 3 ]; then
      status=$(((ended - 3) / 2))
    else
      echo "QEMU ended with $ended" >>"$logs/guest.log"
      status=200
    fi
    ;;
esac
exit "$status"
