#!/usr/bin/env bash
# Compiles android/vault against the platform's classes and AndroidX, and runs its tests under
# Robolectric with the real library. Ends with `N passed, N failed`.
#
# Downloads of Maven stay in $VW_CACHE/maven, what is unpacked from them in $VW_CACHE/android.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
built=$target/debug
work=$target/android
cache=${VW_CACHE:-$HOME/.cache/vitalwitness}
pom=android/vault/pom.xml

tests/setup.sh android

cargo build --workspace --lib --bins --quiet
mkdir -p "$work/generated" "$work/config/com/android/tools" "$cache/android"
rm -rf "$work/new"
"$built/uniffi-bindgen" generate --library "$built/libvitalwitness_ffi.so" --language kotlin \
  --config uniffi.toml --no-format --out-dir "$work/new"
# what did not change keeps its time: it is not compiled again
diff -rq "$work/new" "$work/generated" >/dev/null || { rm -rf "$work/generated" && mv "$work/new" "$work/generated"; }

options=(-B -ntp -q -Dstyle.color=never "-Dmaven.repo.local=$cache/maven" -f "$pom")
key=$(sha256sum $pom | cut -c1-16)
mark=$cache/maven/all-of-$key
[ -e "$mark" ] && options+=(-o)

# Maven does not put an aar on the class path: their classes become one jar
unpacked=$cache/android/$key
if [ ! -e "$unpacked/androidx.jar" ]; then
  rm -rf "$unpacked" && mkdir -p "$unpacked"
  mvn "${options[@]}" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
    -DincludeTypes=aar -DprependGroupId=true "-DoutputDirectory=$unpacked/aar"
  python3 android/unpack.py "$unpacked/aar" "$unpacked"
fi
platform=$(ls "$cache"/maven/org/robolectric/android-all/*/android-all-*.jar 2>/dev/null | head -n 1)
[ -n "$platform" ] || { mvn "${options[@]}" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:resolve; \
  platform=$(ls "$cache"/maven/org/robolectric/android-all/*/android-all-*.jar | head -n 1); }

# resources of the library and of AndroidX, as the build of an app links them
rm -rf "$work/res" && mkdir -p "$work/res/compiled" "$work/res/java" "$work/res/classes"
if [ ! -e "$unpacked/res.done" ]; then
  mkdir -p "$unpacked/compiled"
  for folder in "$unpacked"/res/*/res; do
    name=$(basename "$(dirname "$folder")")
    aapt2 compile --dir "$folder" -o "$unpacked/compiled/$name.zip"
  done
  touch "$unpacked/res.done"
fi
aapt2 compile --dir android/vault/src/main/res -o "$work/res/compiled/vault.zip"
packages=$(paste -sd: "$unpacked/packages")
aapt2 link -I "$platform" --manifest android/vault/src/main/AndroidManifest.xml --auto-add-overlay \
  --min-sdk-version 28 --target-sdk-version 34 --java "$work/res/java" --extra-packages "$packages" \
  -o "$work/res/resources.apk" $(printf -- '-R %s ' "$unpacked"/compiled/*.zip) -R "$work/res/compiled/vault.zip"
find "$work/res/java" -name '*.java' -print0 | xargs -0 javac -nowarn -d "$work/res/classes" --release 17
python3 - "$work/res/classes" "$work/res/r.jar" <<'P'
import pathlib, sys, zipfile
root = pathlib.Path(sys.argv[1])
with zipfile.ZipFile(sys.argv[2], "w") as jar:
    for path in sorted(root.rglob("*.class")):
        jar.writestr(zipfile.ZipInfo(str(path.relative_to(root))), path.read_bytes())
P
cat >"$work/config/com/android/tools/test_config.properties" <<P
android_merged_manifest=$PWD/android/vault/src/main/AndroidManifest.xml
android_resource_apk=$work/res/resources.apk
android_custom_package=health.vitalwitness.android
P

options+=(-Dvw.work="$work" -Dvw.library="$built" "-Dvw.root=$PWD" "-Dvw.androidx=$unpacked/androidx.jar" "-Dvw.resources=$work/res/r.jar")
[ -n "${VW_ANDROID_TEST:-}" ] && options+=(-Dtest="$VW_ANDROID_TEST" -Dsurefire.failIfNoSpecifiedTests=false)
rm -rf "$work/maven/surefire-reports"
status=0
mvn "${options[@]}" test || status=$?
if [ $status -eq 0 ]; then touch "$mark"; fi
python3 tests/surefire.py "$work/maven/surefire-reports"
exit $status
