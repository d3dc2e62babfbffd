# What all set-up scripts share: paths, versions and messages. It is sourced, never run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tools=$root/.tools

# The newest Trunk that builds with the minimum Rust version of this project.
trunk_version=0.21.14
# Debian's binaryen 108 builds a bundle that fails at start. Version 123 and later work.
binaryen_version=132.0.0
esbuild_version=0.28.2
geckodriver_version=0.37.1
axe_version=4.14.1
# The newest Lighthouse for Node.js 20.
lighthouse_version=12.8.2

say() { printf '\033[1m» %s\033[0m\n' "$*" >&2; }

# Ends the script with a message that says what to do.
give_up() {
  printf '\033[1;31m✗ %s\033[0m\n' "$*" >&2
  exit 1
}

# Runs a command, and shows its output only if it fails.
quietly() {
  local output
  output=$(mktemp)
  if ! "$@" >"$output" 2>&1; then
    tail -n 40 "$output" >&2
    rm "$output"
    return 1
  fi
  rm "$output"
}

# Selects the toolchain that can build for wasm32: the default one, or the one that `install wasm-target` linked.
use_wasm_toolchain() {
  if [ -s "$tools/wasm-toolchain" ]; then RUSTUP_TOOLCHAIN=$(cat "$tools/wasm-toolchain") && export RUSTUP_TOOLCHAIN; fi
}
