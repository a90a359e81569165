#!/usr/bin/env bash
# Builds the library, generates its Kotlin, and runs the Kotlin tests on the JVM against it, with a
# cloud process where a test needs one. Ends with `N passed, N failed`.
#
# Downloads of Maven stay in $VW_CACHE/maven.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
built=$target/debug
work=$target/kotlin
cache=${VW_CACHE:-$HOME/.cache/vitalwitness}

tests/setup.sh kotlin

# the whole workspace: the same features, so nothing is built a second time
cargo build --workspace --lib --bins --quiet
rm -rf "$work/new"
mkdir -p "$work/new" "$work/samples" "$work/generated" "$cache"
"$built/uniffi-bindgen" generate --library "$built/libvitalwitness_ffi.so" --language kotlin \
  --config uniffi.toml --no-format --out-dir "$work/new"
python3 bindings/kotlin/samples.py "$work/new" docs/bindings.md "$work/new-samples.kt"
# what did not change keeps its time: it is not compiled again
cmp -s "$work/new-samples.kt" "$work/samples/Samples.kt" || mv "$work/new-samples.kt" "$work/samples/Samples.kt"
diff -rq "$work/new" "$work/generated" >/dev/null || { rm -rf "$work/generated" && mv "$work/new" "$work/generated"; }

options=(-B -ntp -q -Dstyle.color=never "-Dmaven.repo.local=$cache/maven" -f bindings/kotlin/pom.xml -Dvw.work="$work" -Dvw.library="$built" "-Dvw.root=$PWD")
[ -n "${VW_KOTLIN_TEST:-}" ] && options+=(-Dtest="$VW_KOTLIN_TEST" -Dsurefire.failIfNoSpecifiedTests=false)
if [ -n "${VW_LIBRARY:-}" ]; then options+=("-Dvw.library=$(dirname "$VW_LIBRARY")"); fi
mark=$cache/maven/all-of-$(sha256sum bindings/kotlin/pom.xml | cut -c1-16)
[ -e "$mark" ] && options+=(-o)
rm -rf "$work/maven/surefire-reports"
status=0
mvn "${options[@]}" test || status=$?
if [ $status -eq 0 ]; then touch "$mark"; fi

python3 - "$work/maven/surefire-reports" <<'P'
import glob, sys, xml.etree.ElementTree as ET
ran = bad = skipped = 0
for name in glob.glob(sys.argv[1] + "/TEST-*.xml"):
    for case in ET.parse(name).getroot().iter("testcase"):
        ran += 1
        if case.find("failure") is not None or case.find("error") is not None:
            bad += 1
            print("FAILED", case.get("classname"), case.get("name"))
        skip = case.find("skipped")
        if skip is not None:
            skipped += 1
            print("skipped:", case.get("name"), skip.get("message") or "")
print(f"\n{ran - bad} passed, {bad} failed")
P
exit $status
