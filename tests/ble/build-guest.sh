#!/usr/bin/env bash
# Builds the Bluetooth guest from Debian's packages: the stock kernel and an initramfs with BlueZ.
# Prints the folder that holds vmlinuz and base.cpio.zst. The folder's name is a hash of the
# packages' versions, this script and init, so the same inputs are built once.
# usage: build-guest.sh [--if-built]: then prints nothing and ends with 1 where it is not built yet
# needs: apt-get, dpkg-deb, modprobe, depmod, cpio, zstd
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${VW_CACHE:-$HOME/.cache/vitalwitness}/ble
mkdir -p "$cache"
PATH=$PATH:/usr/sbin:/sbin

kernel=$(apt-cache depends linux-image-amd64 | awk '/Depends:/{print $2; exit}')
[ -n "$kernel" ] || { echo "apt knows no linux-image-amd64: apt-get update first" >&2; exit 1; }
version=${kernel#linux-image-}
packages="$kernel busybox-static libc6 libgcc-s1
  bluez libglib2.0-0 libpcre2-8-0 libdbus-1-3 libudev1 libdw1 libelf1 libasound2 liblzma5 libbz2-1.0 zlib1g
  libreadline8 libtinfo6
  dbus-daemon dbus-bin dbus-system-bus-common libsystemd0 libcap2 libgcrypt20 libgpg-error0 libzstd1 liblz4-1
  libexpat1 libselinux1 libaudit1 libcap-ng0 libapparmor1"

# what apt would take now; awk keeps the first version of each name
# shellcheck disable=SC2086
versions=$(apt-cache show --no-all-versions $packages | awk '/^Package:/{name=$2} /^Version:/{print name, $2}' | sort -u)
key=$({ echo "$versions"; cat "$0" "$here/init"; } | sha256sum | cut -c 1-16)
out=$cache/guest-$key
if [ -e "$out/vmlinuz" ]; then
  echo "$out"
  exit 0
fi

[ "${1:-}" != --if-built ] || exit 1

work=$(mktemp -d "$cache/guest.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/debs" "$work/kernel" "$work/all" "$work/root" "$work/out"
# shellcheck disable=SC2086
(cd "$work/debs" && apt-get download -q $packages >&2)
for deb in "$work"/debs/*.deb; do
  case $deb in
    */linux-image-*) dpkg-deb -x "$deb" "$work/kernel" ;;
    *) dpkg-deb -x "$deb" "$work/all" ;;
  esac
done

all=$work/all root=$work/root libs=usr/lib/x86_64-linux-gnu
mkdir -p "$root"/usr/{bin,sbin,lib64,share,libexec/bluetooth} "$root/$libs" \
  "$root"/{proc,sys,dev,run/dbus,tmp,var/lib/bluetooth,root,t,etc,mods}
for folder in bin sbin lib lib64; do ln -s "usr/$folder" "$root/$folder"; done
for file in bin/busybox bin/btmon bin/dbus-daemon bin/dbus-send libexec/bluetooth/bluetoothd; do
  from=$all/usr/$file
  [ -e "$from" ] || from=$all/$file
  cp -aL "$from" "$root/usr/$file"
done
for folder in "$all/lib/x86_64-linux-gnu" "$all/$libs"; do
  find "$folder" -maxdepth 1 -name '*.so*' ! -type d -exec cp -aL {} "$root/$libs/" \;
done
cp -aL "$root/$libs/ld-linux-x86-64.so.2" "$root/usr/lib64/"
cp -a "$all/etc/dbus-1" "$all/etc/bluetooth" "$root/etc/"
cp -a "$all/usr/share/dbus-1" "$root/usr/share/"

# Nothing loads modules by itself in the guest: drbg and its parts too, without which the kernel's
# ECDH self-test fails and no pairing works.
depmod -b "$work/kernel" "$version"
for module in virtio_pci virtio_console virtio_rng hmac sha256_generic sha512_generic ctr jitterentropy_rng drbg \
  ecb cmac ccm hci_vhci uhid; do
  modprobe -S "$version" -d "$work/kernel" --show-depends "$module" 2>/dev/null | awk '$1 == "insmod" {print $2}'
done | awk '!seen[$0]++' | while read -r file; do
  cp "$file" "$root/mods/"
  basename "$file" >>"$root/mods/order"
done

printf 'root:x:0:0:root:/root:/bin/sh\nmessagebus:x:100:101::/:/bin/false\n' >"$root/etc/passwd"
printf 'root:x:0:\nmessagebus:x:101:\nbluetooth:x:102:\nnetdev:x:103:\n' >"$root/etc/group"
echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
install -m 755 "$here/init" "$root/init"

(cd "$root" && find . -print0 | LC_ALL=C sort -z | cpio --null -o -H newc --quiet -R 0:0) |
  zstd -q -T0 -9 -o "$work/out/base.cpio.zst"
truncate -s %4 "$work/out/base.cpio.zst" # a payload that follows must start at a multiple of 4
cp "$work/kernel/boot/vmlinuz-$version" "$work/out/vmlinuz"
echo "$versions" >"$work/out/versions"
rm -rf "$out"
mv "$work/out" "$out"
echo "$out"
