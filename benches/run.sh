#!/usr/bin/env bash
# Runs every bench and writes benches/RESULTS.md and benches/figures/*.svg. Takes minutes; keep the
# machine quiet. VW_BENCH_SAMPLES=100000 shortens the store's part.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

first() { sed -n '1{s/^[^:]*: *//;p;q}'; }
cpu=$(grep -m1 'model name' /proc/cpuinfo 2>/dev/null | first || sysctl -n machdep.cpu.brand_string)
cores=$(getconf _NPROCESSORS_ONLN)
load() { uptime | sed 's/.*load average[s]*: *//'; }
sha=no
if grep -qw -e sha_ni -e sha2 /proc/cpuinfo 2>/dev/null; then sha=yes; fi

cargo build --quiet --release -p vitalwitness-benches --bin report
cargo bench --quiet -p vitalwitness-benches --no-run
before=$(load)
for bench in merkle store figures; do
  echo "bench $bench"
  cargo bench --quiet -p vitalwitness-benches --bench $bench >"$out/$bench.md"
done
# Peers that are no Rust run in a process of their own; without their tools their rows are missing.
: >"$out/peers.md"
if command -v npm >/dev/null && npm ci --prefix benches/peers/node --silent --no-fund --no-audit; then
  echo "bench merkle-tools"
  node benches/peers/node/merkle-tools.js >>"$out/peers.md"
fi
if command -v go >/dev/null; then
  echo "bench tlog"
  (cd benches/peers/go && go run .) >>"$out/peers.md"
fi
{
  echo "| | |"
  echo "|---|---|"
  echo "| CPU | $cpu, $cores cores, SHA instructions: $sha |"
  echo "| load, before and after | $before; $(load) |"
  echo "| date | $(date -u +%Y-%m-%d) |"
  echo "| compiler | $(rustc --version) |"
  echo "| source | $(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown) |"
} >"$out/machine.md"
cargo run --quiet --release -p vitalwitness-benches --bin report -- "$out"
grep -c '| met |$' benches/RESULTS.md | sed 's/$/ goals met/'
grep -F '**missed**' benches/RESULTS.md || true
