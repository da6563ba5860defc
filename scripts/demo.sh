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

say "Summary"
percent() { jq -r "$1 * 10000 | round / 100 | tostring + \" %\"" "$2"; }
row() { printf '  %-44s %s\n' "$1" "$2"; }
row "parameters" "$("$nacre" report "$program" --format json | jq .totals.params)"
row "multiply-adds an image" "$("$nacre" report "$program" --format json | jq .totals.macs)"
row "working memory of the integer network" "$("$nacre" report "$program" --format json | jq .totals.arena_bytes) bytes"
row "accuracy in float" "$(percent .float.accuracy "$out/eval.json")"
row "accuracy in 8-bit integers" "$(percent .quantised.accuracy "$out/eval.json")"
row "bit flips tried, one at a time" "$(jq .totals.injected "$out/inject.json")"
row "flips that changed an answer" "$(percent .totals.sdc_share.p "$out/inject.json") (at most $(percent .totals.sdc_share.hi "$out/inject.json"))"
row "speed of the program $out/lenet" "$(sed -n 's/^\([0-9]* images\/s\).*/\1/p' "$out/bench.txt"), one core"
