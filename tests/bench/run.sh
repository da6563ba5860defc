#!/usr/bin/env bash
# Runs all benchmarks and prints one table. Timings are the best of several runs on this machine. The comparison with
# ONNX Runtime and oneDNN is a script of its own, tests/bench/peers.sh. usage: tests/bench/run.sh [BUILD_DIR]
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build/release}
if [ ! -x "$build/nacre" ]; then
  cmake --preset release >/dev/null
  cmake --build --preset release -- --quiet
fi
echo "machine: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores"
for bench in "$build"/bench_*; do
  [ -x "$bench" ] && [ ! -d "$bench" ] || continue
  printf '\n### %s\n\n' "$(basename "$bench")"
  "$bench" "$PWD" || echo "(failed with status $?)"
done
printf '\n(tests/bench/peers.sh compares with ONNX Runtime and oneDNN)\n'
