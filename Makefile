# The two commands are `make run` and `make test`; each installs what it needs by itself. `make help` lists the rest.

SHELL := /bin/bash
BUNDLE := dist/start.js
CRIER := target/release/crier
BUNDLE_SOURCES := $(shell find protocol/src client/src frontend/src style -type f) Cargo.toml Cargo.lock frontend/Cargo.toml index.html Trunk.toml
SERVER_SOURCES := $(shell find protocol/src client/src bench/src batch-send/src defer-accept/src frontend/src server/src -type f) server/build.rs $(wildcard */Cargo.toml) Cargo.lock
say = @printf '\033[1m» %s\033[0m\n' "$(1)"

.PHONY: help run build dev test test-rust test-wasm check bench screens clean

help:
	@echo 'make run    build and serve the board on http://127.0.0.1:5000 (data in ./crier-data)'
	@echo 'make test   every test there is, in a real browser too'
	@echo 'make build  the release binary, target/release/crier'
	@echo 'make dev    the page on http://127.0.0.1:8080, rebuilt at every change'
	@echo 'make check  format, lints and documentation'
	@echo 'make bench  how fast it is on this machine, beside its peers (WRITE=1: into docs/performance.md)'
	@echo 'make screens  the screenshots in docs/screens, taken anew'
	@echo 'make clean  remove what was built (the installed tools stay in .tools)'

# One recipe line per command, so that Ctrl-C reaches the server and its exit code is ours.
run: build
	$(call say,Serving the board on http://127.0.0.1:5000 — Ctrl-C stops it.)
	@exec $(CRIER) serve $(ARGS)

build: $(CRIER)

$(CRIER): $(BUNDLE) $(SERVER_SOURCES)
	$(call say,Building the server (2 to 4 minutes the first time) …)
	cargo build --release --locked -p server
	@touch $@

$(BUNDLE): $(BUNDLE_SOURCES)
	@setup/install wasm-target trunk wasm-bindgen wasm-opt terser
	$(call say,Building the page (1 to 2 minutes the first time) …)
	setup/with wasm trunk build --release --offline
	@rm -f dist/index.html # that one mounts the page without a server; ours comes rendered
	@touch $@

# The page comes from Trunk and is mounted by the browser; the server behind it is built without optimisation.
dev:
	@setup/install wasm-target trunk wasm-bindgen wasm-opt
	@mkdir -p dist
	cargo build -p server
	$(call say,The page on http://127.0.0.1:8080 — Ctrl-C stops it and the server.)
	@trap 'kill 0' EXIT; \
	  target/debug/crier serve --allow-origin http://127.0.0.1:8080,http://localhost:8080 & \
	  setup/with wasm trunk serve --offline --dist target/dev-dist

test: test-rust test-wasm

# One call for all native tests: with the same packages and features cargo builds every dependency once.
test-rust: $(CRIER)
	@setup/install browser axe lighthouse tracer nginx caddy
	$(call say,Testing the protocol, the client, the server and the rules, then the whole board in a real browser …)
	CRIER=$(abspath $(CRIER)) cargo test --locked --no-fail-fast --workspace --features frontend/ssr,client/native -- --include-ignored

test-wasm:
	@setup/install wasm-target wasm-bindgen browser
	$(call say,Testing the components in a headless browser …)
	CHROMEDRIVER=$$(command -v chromedriver) CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER=wasm-bindgen-test-runner WASM_BINDGEN_TEST_TIMEOUT=120 \
	  setup/with wasm cargo test --locked -p frontend --lib --tests --features hydrate --target wasm32-unknown-unknown

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
	docs/screens/take

clean:
	cargo clean
	rm -rf dist
