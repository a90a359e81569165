#!/usr/bin/env bash
# Builds the second opinion's kernel: user-mode Linux with Bluetooth and the virtual controller built in,
# from Debian's own kernel source. Takes minutes; prints the folder that holds linux-uml and
# base.cpio.zst. Built once for a version of the source package and of this script.
# usage: build-uml.sh GUEST      GUEST: what build-guest.sh printed
set -euo pipefail
guest=$1
cache=${VW_CACHE:-$HOME/.cache/vitalwitness}/ble
mkdir -p "$cache"

source=linux-source-6.1
version=$(apt-cache show --no-all-versions $source | awk '/^Version:/{print $2; exit}')
[ -n "$version" ] || { echo "apt knows no $source: apt-get update first" >&2; exit 1; }
key=$({ echo "$version"; cat "$0"; } | sha256sum | cut -c 1-16)
kernel=$cache/uml-$key
if [ ! -e "$kernel" ]; then
  work=$(mktemp -d "$cache/uml.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  cd "$work"
  apt-get download -q $source >&2
  dpkg-deb -x ${source}_*.deb package
  tar -xf "package/usr/src/$source.tar.xz"
  cd $source
  make ARCH=um defconfig >/dev/null
  ./scripts/config -e MODULES -e NET -e UNIX -e INET -e BT -e BT_BREDR -e BT_LE -e BT_HCIVHCI -e UHID -e INPUT -e HID \
    -e RFKILL -e WIRELESS -e CRYPTO_ECB -e CRYPTO_CMAC -e CRYPTO_AES -e CRYPTO_ECDH -e CRYPTO_HMAC -e CRYPTO_SHA512 \
    -e CRYPTO_CTR -e CRYPTO_DRBG_MENU -e CRYPTO_DRBG -e BLK_DEV_INITRD -e RD_ZSTD -e DEVTMPFS -e TMPFS -e SSL \
    -e STDERR_CONSOLE -e HW_RANDOM -e UML_RANDOM \
    -d DEBUG_INFO -d SOUND -d USB -d MD -d BTRFS_FS -d REISERFS_FS -d EXT4_FS -d WLAN -d UML_NET -d IPV6 -d NETFILTER
  make ARCH=um olddefconfig >/dev/null
  for option in BT BT_LE BT_HCIVHCI CRYPTO_ECDH CRYPTO_CMAC CRYPTO_DRBG DEVTMPFS RD_ZSTD SSL; do
    grep -q "^CONFIG_$option=y" .config || { echo "the kernel has no $option" >&2; exit 1; }
  done
  make ARCH=um -j"$(nproc)" vmlinux >"$work/make.log" 2>&1 || { tail -n 40 "$work/make.log" >&2; exit 1; }
  strip -o "$work/linux-uml" vmlinux
  mv "$work/linux-uml" "$kernel"
fi

out=$cache/uml-guest-$key-$(basename "$guest")
mkdir -p "$out"
ln -sf "$guest/base.cpio.zst" "$out/base.cpio.zst"
ln -sf "$kernel" "$out/linux-uml"
echo "$out"
