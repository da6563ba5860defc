#!/usr/bin/env bash
# Sets up, builds, and shows the whole way on the built-in data: check, report, train, quantise, attack, ship.
# Everything it makes is in out/demo/. Runs about two minutes after the build.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh
cmake --preset dev >/dev/null
cmake --build --preset dev --target nacre_cli -- --quiet
nacre=build/dev/nacre
program=examples/01-lenet/lenet.ncr
out=out/demo
mkdir -p "$out"
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n== %s\n' "$*"; }

say "1. check: is the program right?"
"$nacre" check "$program"
say "2. report: what does the network cost, before anything is trained?"
"$nacre" report "$program" | tee "$out/report.txt"
say "3. train on the built-in digits"
"$nacre" train "$program" --output "$out/lenet.safetensors" | tee "$out/train.txt"
say "4. eval: float against 8-bit integers"
"$nacre" eval "$program" --weights "$out/lenet.safetensors" --format json >"$out/eval.json"
"$nacre" eval "$program" --weights "$out/lenet.safetensors"
say "5. inject: one random bit flip at a time"
"$nacre" inject "$program" --weights "$out/lenet.safetensors" --format json >"$out/inject.json"
"$nacre" inject "$program" --weights "$out/lenet.safetensors" | tee "$out/inject.txt"
say "6. build: a standalone program"
"$nacre" build "$program" --weights "$out/lenet.safetensors" --output "$out/lenet"
"$out/lenet" --bench | tee "$out/bench.txt"
