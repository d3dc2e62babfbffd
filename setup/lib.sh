# What every step of the set-up shares: where tools live, and how a step speaks.
# Sourced by `setup/install` and `setup/with`, never run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tools=$root/.tools

# The newest Trunk that the Rust of this project's MSRV can build.
trunk_version=0.21.14
# Debian's binaryen 108 builds, but breaks the bundle at start; 123 and later are fine.
binaryen_version=132.0.0
terser_version=5.51.4
axe_version=4.14.1
# The newest that Node.js 20 runs.
lighthouse_version=12.8.2

say() { printf '\033[1m» %s\033[0m\n' "$*" >&2; }

# Ends the set-up with a sentence that says what a person can do about it.
give_up() {
  printf '\033[1;31m✗ %s\033[0m\n' "$*" >&2
  exit 1
}

# Runs a command with its output in a file, which is shown only when the command fails.
quietly() {
  local output=$tools/last-step.txt
  if ! "$@" >"$output" 2>&1; then
    tail -n 40 "$output" >&2
    return 1
  fi
}

# Takes the toolchain that can build for wasm32: the default one, unless `install wasm-target` had to link another.
use_wasm_toolchain() {
  if [ -s "$tools/wasm-toolchain" ]; then RUSTUP_TOOLCHAIN=$(cat "$tools/wasm-toolchain") && export RUSTUP_TOOLCHAIN; fi
}
