#!/usr/bin/env bash
# Brings what the targets need: a Rust tool chain, a C compiler, the recorded activities;
# with `kotlin` also a Java development kit and Maven, with `android` aapt2 too; with `exports` what judges the exports: Node,
# Go, a browser, Python's venv; with `ble` what
# builds and runs the Bluetooth guest.
# Quiet when all is there. Downloads stay outside the clone, in $VW_CACHE.
set -euo pipefail
cd "$(dirname "$0")/.."
cache=${VW_CACHE:-$HOME/.cache/vitalwitness}
mkdir -p "$cache"

need() { command -v "$1" >/dev/null 2>&1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif need sudo; then sudo -n "$@"; else
    echo "needs: $* (run it as root, then try again)" >&2
    return 1
  fi
}

apt_missing=()
need cc || apt_missing+=(gcc libc6-dev)
need make || apt_missing+=(make)
need python3 || apt_missing+=(python3)
python3 -m pip --version >/dev/null 2>&1 || apt_missing+=(python3-pip)
if [ "${1:-}" = exports ]; then
  need npm || apt_missing+=(nodejs npm)
  need go || apt_missing+=(golang-go)
  need chromium || need chromium-browser || need google-chrome || apt_missing+=(chromium)
  python3 -c 'import ensurepip' 2>/dev/null || apt_missing+=(python3-venv)
fi
if [ "${1:-}" = kotlin ] || [ "${1:-}" = android ]; then
  need mvn || apt_missing+=(maven)
  need javac || apt_missing+=(default-jdk-headless)
fi
if [ "${1:-}" = android ]; then
  need aapt2 || apt_missing+=(aapt)
fi
if [ "${1:-}" = ble ]; then
  need qemu-system-x86_64 || apt_missing+=(qemu-system-x86)
  need modprobe || [ -x /sbin/modprobe ] || apt_missing+=(kmod)
  need cpio || apt_missing+=(cpio)
  need zstd || apt_missing+=(zstd)
  need strip || apt_missing+=(binutils)
  python3 -c 'import ensurepip' 2>/dev/null || apt_missing+=(python3-venv)
  # the guest is made of packages: apt must know them
  apt-cache show linux-image-amd64 >/dev/null 2>&1 || as_root apt-get update -q >/dev/null
  if [ "${BOOT:-}" = uml ]; then
    need flex || apt_missing+=(flex)
    need bison || apt_missing+=(bison)
    need bc || apt_missing+=(bc)
    need xz || apt_missing+=(xz-utils)
  fi
fi
if [ ${#apt_missing[@]} -gt 0 ]; then
  as_root apt-get update -q >/dev/null
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q "${apt_missing[@]}" >/dev/null
fi

PATH="$HOME/.cargo/bin:$PATH"
rust=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
have=$(rustc --version 2>/dev/null | cut -d' ' -f2) || have=
if ! need cargo || [ -z "$have" ] || [ "$(printf '%s\n' "$rust" "$have" | sort -V | head -n 1)" != "$rust" ]; then
  echo "needs: Rust $rust or later with cargo (found: ${have:-none}); https://rustup.rs installs it" >&2
  exit 1
fi
for part in fmt clippy; do
  if ! cargo "$part" --version >/dev/null 2>&1; then
    echo "needs: cargo $part (rustup component add rustfmt clippy)" >&2
    exit 1
  fi
done

if [ -x tests/fetch-activities.sh ]; then
  tests/fetch-activities.sh || echo "the recorded activities could not be had; their tests will say skipped" >&2
fi
