#!/usr/bin/env bash
# What crossing costs: a thousand records in one call from Rust, Kotlin and Swift, against one build of the
# library (profile mobile), in turn, CPU time of the process. Writes docs/ffi-cost.md.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
rounds=${ROUNDS:-5}
cargo build --package vitalwitness-ffi --lib --example cost --profile mobile --no-default-features
export VW_COST=1 VW_LIBRARY=$target/mobile/libvitalwitness_ffi.so
found=$target/cost.txt
: >"$found"
# LANGUAGE COMMAND...: its lines `cost WHAT MICROSECONDS`
measure() {
  local language=$1
  shift
  "$@" 2>&1 | grep -oE 'cost (add|read) [0-9]+' | sed "s/^cost/$language/" | tee -a "$found"
}
for _ in $(seq "$rounds"); do
  measure Rust "$target/mobile/examples/cost"
  measure Kotlin env VW_KOTLIN_TEST=Cost tests/kotlin.sh
  measure Swift env VW_SWIFT_TEST=CostTests tests/swift.sh
done
python3 - "$found" "$rounds" docs/ffi-cost.md <<'P'
import pathlib, platform, statistics, sys
found, rounds, out = sys.argv[1:]
times = {}
for line in open(found):
    language, what, cost = line.split()
    times.setdefault((what, language), []).append(int(cost))
words = {"add": "add 1,000 records", "read": "read 1,000 records"}
rows = []
for what in words:
    base = statistics.median(times[what, "Rust"])
    for language in ("Rust", "Kotlin", "Swift"):
        each = times[what, language]
        middle = statistics.median(each)
        rows.append(f"| {words[what]} | {language} | {middle / 1000:.2f} | {min(each) / 1000:.2f} to {max(each) / 1000:.2f} | {middle / base:.2f}x |")
cpu = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), platform.machine())
pathlib.Path(out).write_text(f"""# What crossing costs

`bindings/cost.sh` writes this page: a thousand records in one call from Rust (`core/vault`), and through the bindings from Kotlin
(the JVM, warm) and Swift (Linux, `-c release`), against one build of the library (profile `mobile`), in turn, {rounds} rounds; the
median, and the least and the most. CPU time of the whole process, so what the JVM compiles and collects meanwhile counts.
Goal: at most 1.2x, missed where the last column says more. {cpu}, {platform.system()}; other work ran on the machine. No phone was measured.

| call | from | ms of CPU | least to most | of Rust |
|---|---|---:|---:|---:|
""" + "\n".join(rows) + """

What a call costs beyond the one in Rust is that every field of every record is copied through a buffer of bytes, by the generated
code, and becomes an object: some 2 to 10 microseconds a record, where Rust hands over a page it has at hand. For totals and charts
`chart`, `line` and `totals` cross once, not once a record.
""")
print(open(out).read())
P
