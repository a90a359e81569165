#!/usr/bin/env bash
# Type-checks the vault with the desktop's radio library for Android and iOS: what is behind their cfg
# compiles nowhere else here. A check, no build: C code is replaced by empty objects.
# Needs a rustc that can build std for these targets: Debian sid's with rust-src, in a folder of its own
# that is made once and kept in $VW_CACHE/mobile. Says "skipped: why" when it cannot be had.
# usage: mobile.sh
set -uo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
cache=${VW_CACHE:-$HOME/.cache/vitalwitness}/mobile
mkdir -p "$cache"
targets='aarch64-linux-android aarch64-apple-ios'
. "$here/tests/chroot.sh"

# parts.sh takes a skipped test off the passed ones.
skip() {
  echo "skipped: $1" >&2
  echo "1 passed, 0 failed"
  exit 0
}

sid=$cache/sid
chroot_made "$sid" sid rustc,cargo,rust-src,gcc,libc6-dev,ca-certificates || skip "the check for phones: $why"
cp "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}" "$sid/etc/ssl/certs/ca-certificates.crt"
cp /etc/resolv.conf "$sid/etc/resolv.conf"
cp /etc/hosts "$sid/etc/hosts"

# The sources that are checked, and nothing else of the workspace.
rm -rf "$sid/src"
mkdir -p "$sid/src" "$sid/stand-in/sdk" "$sid/registry"
(cd "$here" && tar -c --exclude=target --exclude=node_modules Cargo.toml Cargo.lock core cloud cli tests/Cargo.toml tests/src \
  tests/tests benches) | tar -x -C "$sid/src"

# Stands in for the C compilers and archivers of phones: every object is empty.
cat >"$sid/stand-in/cc" <<'CC'
#!/bin/sh
out= previous=
for word in "$@"; do
  [ "$previous" = -o ] && out=$word
  previous=$word
done
case " $* " in
  *' --version '*) echo 'clang version 19.0.0'; exit 0 ;;
  *' -E '*) exec gcc -E -xc "$previous" ;;
esac
[ -z "$out" ] || : >"$out"
CC
cat >"$sid/stand-in/ar" <<'AR'
#!/bin/sh
for word in "$@"; do
  case $word in *.a) [ -e "$word" ] || printf '!<arch>\n' >"$word"; exit 0 ;; esac
done
AR
chmod +x "$sid/stand-in/cc" "$sid/stand-in/ar"

passed=0 failed=0
for target in $targets; do
  under=${target//-/_}
  if chroot "$sid" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/registry CARGO_HOME=/registry LANG=C \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt CARGO_TARGET_DIR=/registry/target RUSTC_BOOTSTRAP=1 \
    SDKROOT=/stand-in/sdk IPHONEOS_DEPLOYMENT_TARGET=16.0 CRATE_CC_NO_DEFAULTS=1 \
    "CC_$under=/stand-in/cc" "AR_$under=/stand-in/ar" "RANLIB_$under=/bin/true" \
    sh -c "cd /src && cargo check --quiet --locked -Zbuild-std=std,panic_unwind --target $target \
      -p vitalwitness-vault --features desktop-radio" >"$cache/$target.log" 2>&1; then
    echo "$target: the vault and its radio library type-check ($(chroot "$sid" rustc --version))"
    passed=$((passed + 1))
  else
    tail -n 40 "$cache/$target.log"
    if [ $failed -eq 0 ] && grep -qE '^ *(error|warning|Caused by)?:? *(failed to (fetch|download)|.*Could not resolve host)' "$cache/$target.log" &&
      ! grep -qE '^error\[E[0-9]+\]' "$cache/$target.log"; then
      skip "the crates of $target could not be had"
    fi
    failed=$((failed + 1))
  fi
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
