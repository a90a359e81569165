#!/usr/bin/env bash
# Builds the library, generates its Swift, and runs the Swift tests against it, with a cloud process
# where a test needs one. Ends with `N passed, N failed`.
#
#   tests/swift.sh        the bindings: bindings/swift
#   tests/swift.sh ios    what an iOS app stands on, as far as it is not Apple's: ios
#
# Swift is Debian 13's, in a folder of its own that is made once and kept in $VW_CACHE/swift (1.5 GB).
# Says "skipped: why" when it cannot be had. VW_SWIFT_TEST=NAME runs the tests of that name only;
# VW_LIBRARY=FILE runs them against another build of the library, such as the one `make size` leaves.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
built=$target/debug
work=$target/swift
cache=${VW_CACHE:-$HOME/.cache/vitalwitness}/swift
debian=$cache/trixie
case ${1:-bindings} in
  bindings) home=bindings/swift
    own='Package.swift Sources/Vitalwitness Sources/VitalwitnessNames Tests/CSoftKeys Tests/VitalwitnessTests' ;;
  ios) home=ios
    own='Package.swift Sources/VitalwitnessPhone' ;;
  *) echo "no such package: $1" >&2; exit 2 ;;
esac
. tests/chroot.sh

# parts.sh takes a skipped test off the passed ones.
skip() {
  echo "skipped: $1" >&2
  echo "1 passed, 0 failed"
  exit 0
}

tests/setup.sh
# what a compiler and its package manager do not need goes again
left_out='usr/share/doc usr/share/man usr/share/locale usr/bin/*lto-dump* usr/libexec/swift/lib/swift_static
  usr/libexec/swift/lib/swift/embedded usr/libexec/swift/lib/libsourcekitdInProc.so usr/libexec/swift/lib/liblldb.so.*
  usr/libexec/swift/bin/lldb* usr/libexec/swift/bin/clangd usr/libexec/swift/bin/sourcekit-lsp usr/libexec/swift/bin/docc'
chroot_made "$debian" trixie swiftlang,libc6-dev,libstdc++-14-dev,libssl-dev,git,ca-certificates \
  --customize-hook="cd \"\$1\" && rm -rf ${left_out//$'\n'/ }" || skip "Swift: $why"
unshare --mount true 2>/dev/null || skip "Swift: this machine lets nobody mount, which its chroot needs"

# the whole workspace: the same features, so nothing is built a second time
cargo build --workspace --lib --bins --quiet
new=$work/new
rm -rf "$new"
mkdir -p "$new" "$work/package/Sources" "$work/package/Tests" "$work/build" "$work/tmp"
"$built/uniffi-bindgen" generate --library "$built/libvitalwitness_ffi.so" --language swift \
  --config uniffi.toml --no-format --out-dir "$new"
mkdir "$new/VitalwitnessCore" "$new/VitalwitnessCoreFFI" "$new/Samples"
mv "$new/VitalwitnessCore.swift" "$new/VitalwitnessCore/"
mv "$new/VitalwitnessCoreFFI.h" "$new/VitalwitnessCoreFFI/"
mv "$new/VitalwitnessCoreFFI.modulemap" "$new/VitalwitnessCoreFFI/module.modulemap"
python3 bindings/swift/samples.py "$new/VitalwitnessCore" docs/bindings.md "$new/Samples/Samples.swift"
# what did not change keeps its time: it is not compiled again
for made in Sources/VitalwitnessCore Sources/VitalwitnessCoreFFI Tests/Samples; do
  there=$work/package/$made
  diff -rq "$new/$(basename $made)" "$there" >/dev/null 2>&1 || { rm -rf "$there" && mv "$new/$(basename $made)" "$there"; }
done

if [ $home = ios ]; then
  tests=$work/package/Tests/VitalwitnessPhoneTests
  rm -rf "$tests" && mkdir -p "$tests"
  cp -a ios/Tests/VitalwitnessPhoneTests/. bindings/swift/Tests/VitalwitnessTests/{Place,SoftKeyStore,Gate}.swift "$tests"
fi

# One namespace of mounts, which goes with the last process in it: the sources, what is generated and
# the library in the places that the tests know.
enter='
set -e
mkdir -p "$debian/vw/root" "$debian/vw/programs" "$debian/vw/package" "$debian/vw/build"
mount -t proc proc "$debian/proc"
mount --rbind /dev "$debian/dev"
mount -t tmpfs tmpfs "$debian/tmp"
mount --bind "$PWD" "$debian/vw/root"
mount --bind "$built" "$debian/vw/programs"
if [ -n "${VW_LIBRARY:-}" ]; then mount --bind "$VW_LIBRARY" "$debian/vw/programs/libvitalwitness_ffi.so"; fi
mount --bind "$work/package" "$debian/vw/package"
mount --bind "$work/build" "$debian/vw/build"
# both packages have the same parts in the same places: what one built, the other does not build again
put() {
  there=$debian/vw/package/$2
  if [ -d "$1/$2" ]; then mkdir -p "$there"; else touch "$there"; fi
  mount --bind "$1/$2" "$there"
}
if [ "$home" != bindings/swift ]; then
  for part in Sources/Vitalwitness Sources/VitalwitnessNames Tests/CSoftKeys; do put bindings/swift $part; done
fi
for part in $own; do put "$home" "$part"; done
exec chroot "$debian" /usr/bin/env -i PATH=/usr/bin:/bin HOME=/vw/build LANG=C.UTF-8 LD_LIBRARY_PATH=/vw/programs \
  VW_SLOW="${VW_SLOW:-}" VW_WRITE_API="${VW_WRITE_API:-}" VW_COST="${VW_COST:-}" /bin/sh -c "$inside" sh "$@"
'
# What is Apple's is read for its syntax, also what an #if leaves out here: nothing here can compile it.
inside='
swift test "$@" || exit
for file in /vw/package/Sources/*/Apple/*.swift; do
  [ -e "$file" ] || exit 0
  if swiftc -frontend -parse "$file"; then ended=passed; else ended=failed; fi
  echo "· Test \"the syntax of $(basename "$file")\" $ended after it was read"
  [ $ended = passed ] || failed=1
done
exit ${failed:-0}
'
options=(--package-path /vw/package --scratch-path /vw/build --disable-xctest --no-parallel
  -Xlinker -L/vw/programs -Xlinker --allow-shlib-undefined)
[ -n "${VW_SWIFT_TEST:-}" ] && options+=(--filter "$VW_SWIFT_TEST")
[ -n "${VW_COST:-}" ] && options+=(-c release)
limit=1200
[ "${VW_SLOW:-}" = 1 ] && limit=7200
status=0
debian=$debian built=$built work=$work home=$home own=$own inside=$inside timeout --kill-after=30 $limit unshare --mount bash -c "$enter" bash \
  "${options[@]}" 2>&1 | tee "$work/tests.log" || status=$?

python3 - "$work/tests.log" <<'P'
import re, sys
text = open(sys.argv[1], errors="replace").read()
passed = len(re.findall(r'^. Test ".*" passed after', text, re.M))
failed = re.findall(r'^. Test (".*") failed after', text, re.M)
for name in failed:
    print("FAILED", name)
print(f"\n{passed} passed, {len(failed)} failed")
sys.exit(0 if passed else 1)
P
exit $status
