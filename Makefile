# `make run` and `make test` install what they need by themselves. `make help` lists the rest.

SHELL := /bin/bash
BUNDLE := dist/start.js
CRIER := target/release/crier
BUNDLE_SOURCES := $(shell find protocol/src client/src frontend/src style -type f) Cargo.toml Cargo.lock frontend/Cargo.toml $(wildcard frontend/*.js frontend/cast/*.js) setup/bundle
SERVER_SOURCES := $(shell find protocol/src client/src chat/src bench/src batch-send/src defer-accept/src frontend/src server/src -type f) server/build.rs $(wildcard */Cargo.toml) Cargo.lock
say = @printf '\033[1m» %s\033[0m\n' "$(1)"

.PHONY: help run build dev test test-rust test-wasm test-browsers check bench screens clean

help:
	@echo 'make run    build and serve the board on http://127.0.0.1:5000 (data in ./crier-data)'
	@echo 'make test   all tests, also in a real browser'
	@echo 'make test-browsers  one journey in Firefox and in WebKit, where they can be installed'
	@echo 'make build  the release binary, target/release/crier'
	@echo 'make dev    the page on http://127.0.0.1:8080, rebuilt at every change'
	@echo 'make check  format, lints and documentation'
	@echo 'make bench  the speed of Crier and other servers on this machine (WRITE=1: into docs/performance.md)'
	@echo 'make screens  new screenshots in docs/screens'
	@echo 'make clean  remove all build results (installed tools stay in .tools)'

# `exec`: Ctrl-C must reach the server, and its exit code must be the result.
run: build
	$(call say,Serving the board on http://127.0.0.1:5000 — Ctrl-C stops it.)
	@exec $(CRIER) serve $(ARGS)

build: $(CRIER)

$(CRIER): $(BUNDLE) $(SERVER_SOURCES)
	$(call say,Building the server (2 to 5 minutes the first time) …)
	cargo build --release --locked -p server
	@touch $@

$(BUNDLE): $(BUNDLE_SOURCES)
	@setup/install wasm-opt esbuild & setup/install wasm-target wasm-bindgen && wait $$!
	$(call say,Building the page (1 to 2 minutes the first time) …)
	setup/bundle

# Trunk serves a page that the browser mounts by itself. The server behind it is not optimised.
dev:
	@setup/install wasm-target trunk wasm-bindgen
	cargo build --locked -p server
	@setup/dev

test: test-rust test-wasm

# One call for all native tests: other packages or features would build dependencies again. Most tests wait for something, so
# more run at a time than there are processors.
test-rust: $(CRIER)
	@setup/install browser axe lighthouse strace nginx caddy
	$(call say,Testing the crates, the rules of the sources, and the release binary in a real browser …)
	CRIER=$(abspath $(CRIER)) RUST_TEST_THREADS=4 cargo test --locked --no-fail-fast --workspace --features frontend/ssr,client/native -- --include-ignored

test-wasm:
	@setup/install wasm-target wasm-bindgen browser
	$(call say,Testing the components in a headless browser …)
	CHROMEDRIVER=$$(command -v chromedriver) CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER=wasm-bindgen-test-runner WASM_BINDGEN_TEST_TIMEOUT=120 \
	  setup/with wasm cargo test --locked -p frontend --lib --tests --features hydrate --target wasm32-unknown-unknown

# Not part of `make test`: both browsers are large downloads.
test-browsers: $(CRIER)
	@CRIER=$(abspath $(CRIER)) tests/browsers

check: $(BUNDLE)
	cargo fmt --all --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo clippy --locked -p frontend --features ssr --all-targets -- -D warnings
	setup/with wasm cargo clippy --locked -p frontend --features hydrate --target wasm32-unknown-unknown --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps -p protocol -p client -p bench -p batch-send -p defer-accept -p server

bench: $(CRIER)
	$(call say,Installing what Crier is compared with into .tools/bench (1 minute the first time) …)
	@tests/bench/install rust uwebsockets node flask nchan nats
	@CRIER=$(abspath $(CRIER)) tests/bench/compare.mjs $(if $(WRITE),--write)

screens: $(CRIER)
	@setup/install browser lighthouse
	docs/screens/take.mjs

clean:
	cargo clean
	rm -rf dist
