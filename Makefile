# Vitalwitness. `make help` lists the targets.
SHELL := /bin/bash
export PATH := $(HOME)/.cargo/bin:$(PATH)
export VW_CACHE ?= $(HOME)/.cache/vitalwitness
CLOUD_BIN = target/debug/vitalwitness-cloud

.PHONY: help setup demo test test-slow check vectors size bench fuzz fmt test-rust test-portal test-exports test-ble test-kotlin test-swift test-ios test-android
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

setup: ## fetch what the other targets need (they call it themselves)
	@tests/setup.sh

demo: setup ## build, run the whole way on this machine, leave demo-out/
	@cargo build --quiet --workspace --bins && "$${CARGO_TARGET_DIR:-target}/debug/demo" && tests/ble/demo.sh

test: setup ## every part but Android and the slow ones; last line: N passed, N failed, N skipped
	@tests/parts.sh rust portal exports kotlin swift ios ble

test-rust: setup ## formats, lints, unit, vector and end-to-end tests, and the demo, with its time
	@tests/parts.sh rust

test-portal: setup ## the second verifier and the check page, with its time
	@tests/parts.sh portal

test-exports: setup ## receipts in every form, judged by public parsers; leaves exports-out/
	@tests/parts.sh exports

test-kotlin: setup ## the vault from Kotlin on the JVM: the real library, a real cloud, with its time
	@tests/parts.sh kotlin

test-swift: setup ## the vault from Swift in a Debian of its own: the real library, a real cloud, with its time
	@tests/parts.sh swift

test-ios: setup ## what an iOS app stands on, as far as it is not Apple's, with its time
	@tests/parts.sh ios

test-android: setup ## what an Android app stands on, under Robolectric with the real library, with its time
	@tests/parts.sh android

test-ble: setup ## vaults against BlueZ in a guest and emulated devices (BOOT=uml: a second kernel)
	@tests/parts.sh ble

test-slow: setup ## tenfold counts, the 1 GB import, a whole night over Bluetooth, a second kernel, the check for phones
	@tests/parts.sh slow

check: setup ## format, lints, unit and vector tests: minutes, before every commit
	@tests/parts.sh check

vectors: setup ## write tests/vectors anew; review the difference
	@tests/vectors.sh

size: setup ## the library as an app gets it, by part; writes docs/size.md
	@. bindings/small.sh && cargo rustc --package vitalwitness-ffi --lib --profile mobile --no-default-features --crate-type cdylib -- $$small_links -C link-arg=-Wl,-z,pack-relative-relocs
	@python3 bindings/size.py "$${CARGO_TARGET_DIR:-target}/mobile/libvitalwitness_ffi.so" docs/size.md

bench: setup ## peers beside ours in one run; writes benches/RESULTS.md
	@benches/run.sh

fuzz: setup ## cargo-fuzz over every parser (needs nightly and cargo-fuzz; RUNS=10000000)
	@fuzz/run.sh

fmt: ## format the sources
	@cargo fmt --all
