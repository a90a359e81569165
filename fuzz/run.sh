#!/usr/bin/env bash
# cargo-fuzz over every target, RUNS executions each (default 10,000,000).
# Needs nightly and cargo-fuzz; the plain tests replay the corpus without them.
set -euo pipefail
cd "$(dirname "$0")"
runs=${RUNS:-10000000}
for target in $(sed -n 's/^name = "\(.*\)"$/\1/p' Cargo.toml | tail -n +2); do
  start=$SECONDS
  # new inputs go to a folder of their own; the committed corpus stays as it is
  mkdir -p "artifacts/found-$target"
  cargo +nightly fuzz run "$target" "artifacts/found-$target" "corpus/$target" -- -runs="$runs" -max_len=70000
  echo "$target: $runs executions, $((SECONDS - start)) s"
done
