#!/usr/bin/env bash
# Writes the vectors that are made by programs anew. Same seed, same bytes: `git diff` shows what
# a change of code changed in the formats.
set -euo pipefail
cd "$(dirname "$0")/.."
VW_WRITE_VECTORS=1 cargo test --quiet -p vitalwitness-proof -p vitalwitness-domain -p vitalwitness-vault vectors_are_current
git --no-pager diff --stat -- tests/vectors
