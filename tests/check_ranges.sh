#!/usr/bin/env bash
# Ranges and proved masked faults in the report: text, JSON, lints, refused accumulators, refused requests; and a campaign on
# the very inputs of the calibrated ranges, in which no stratum that is proved as a whole may change an output.
# usage: check_ranges.sh NACRE SOURCE_DIR
. "$(dirname "$0")/lib.sh"

cat >p.ncr <<'END'
net tiny(x: tensor[1, 28, 28]) -> tensor[10] {
    x |> maxpool(7) >> conv(4, kernel: 3) >> relu >> flatten >> dense(10)
}
data images = digits(seed: 1, train: 8, test: 32);
train t { data: images.train; }
quant q { weights: linear(bits: 8, per: channel); activations: linear(bits: 8); }
fault seu { model: bitflip(bits: 1); sites: activations, weights, biases; }
END
# Weights by hand: channel 1 of the convolution has a bias of -100, so that it never fires; nothing reads channel 2; the last
# class has weights and a bias of zero.
one='\x00\x00\x80\x3e' two='\x00\x00\x00\xbf' three='\x00\x00\xc0\x3d' zero='\x00\x00\x00\x00' low='\x00\x00\xc8\xc2'
values=("$one" "$two" "$three")
bytes=
for ((i = 0; i < 36; i++)); do bytes+=${values[$(((i * i + i / 4) % 3))]}; done
bytes+=$zero$low$one$two
for ((o = 0; o < 10; o++)); do
  for ((i = 0; i < 64; i++)); do
    if [ $o = 9 ] || [ $((i / 16)) = 2 ]; then bytes+=$zero; else bytes+=${values[$(((i * i * 7 + o * i + o) % 3))]}; fi
  done
done
for ((o = 0; o < 9; o++)); do bytes+=$one; done
bytes+=$zero
tiny_weights "$bytes"
w="--weights w.safetensors"

expect 0 'ranges +and proved masked faults need weights: --weights FILE' "$nacre" report p.ncr
expect 0 '"proved_masked": null' "$nacre" report p.ncr --format json
expect 0 'sound: from the weights' "$nacre" report p.ncr $w
expect 0 'no accumulator of 32 bits overflows \(proved\)' "$nacre" report p.ncr $w
expect 0 'p.ncr:2:24: lint\[N0802\]: 1 of 4 channels of `tiny/conv` holds one value: 1$' "$nacre" report p.ncr $w
expect 0 'p.ncr:2:24: lint\[N0803\]: 1 of 4 channels of `tiny/conv` cannot reach the output: 2$' "$nacre" report p.ncr $w
expect 0 'lint\[N0802\]: 1 of 10 channels of `tiny/dense` holds one value: 9$' "$nacre" report p.ncr $w
expect 0 'calibrated: as seen on 8 inputs' "$nacre" report p.ncr $w --ranges calibrated
expect 0 'calibrated: as seen on 7 inputs' "$nacre" report p.ncr $w --ranges calibrated --limit 7
expect 0 '= as seen on 8 inputs; others may differ' "$nacre" report p.ncr $w --ranges calibrated
expect 1 'p.ncr:2:65: error\[N0801\]: the accumulator of `tiny/dense` ranges over \[-?[0-9]+, -?[0-9]+\] in channel [0-9] and can reach [0-9]+ on the way; 12 bits hold -2048 to 2047' \
  "$nacre" report p.ncr $w --accumulator 12
expect 0 'no accumulator of 24 bits' "$nacre" report p.ncr $w --accumulator 24
expect 2 'ranges need the weights: --weights FILE' "$nacre" report p.ncr --ranges sound
expect 2 'ranges need the weights' "$nacre" report p.ncr --accumulator 16
expect 2 '--ranges is sound, calibrated or each, not `loose`' "$nacre" report p.ncr $w --ranges loose
expect 2 '--limit counts the inputs of --ranges calibrated and each' "$nacre" report p.ncr $w --limit 3
expect 2 'accumulator' "$nacre" report p.ncr $w --accumulator 33
expect 0 '^bits proved masked$' "$nacre" report p.ncr $w --show masked

expect 4 'fails on: proved_masked > 2%' "$nacre" report p.ncr $w --fail-on 'proved_masked > 2%'
expect 0 'sound' "$nacre" report p.ncr $w --fail-on 'range_estimate > 0.9'
expect 2 'N1301.*`proved_masked` has no value here: give --weights' "$nacre" report p.ncr --fail-on 'proved_masked > 20%'
expect 2 '--weights are of one network; --diff compares two' "$nacre" report --diff p.ncr p.ncr $w
echo 'net open(x: tensor[4]) -> tensor[2] { x |> dense(choose(8, 16)) >> dense(2) }' >open.ncr
expect 2 '--weights are of one network: decide with --set or --genotype' "$nacre" report open.ncr $w
for mode in sound calibrated each; do
  "$nacre" report p.ncr $w --ranges $mode --format json >$mode.json 2>/dev/null || fail "report --ranges $mode"
  "$nacre" report p.ncr $w --ranges $mode --format json 2>/dev/null | cmp - $mode.json || fail "$mode: not the same twice"
  checks=$((checks + 2))
done
# JSON to lines "layer site bit share".
shares() { tr -d ' ",' <"$1" | awk -F: '$1 == "layer" {l = $2} $1 == "site" {s = $2} $1 == "bit" {b = $2} $1 == "share" {print l, s, b, $2}'; }
shares sound.json >sound.txt
shares calibrated.json >calibrated.txt
shares each.json >each.txt
checks=$((checks + 5))
# 5 tensors of 8 bits, weights of 2 layers of 8, biases of 2 of 32
[ "$(wc -l <sound.txt)" = 120 ] || fail "$(wc -l <sound.txt) rows, not 120: $(head -3 sound.txt)"
# Channel 2 reaches nothing: a quarter of the convolution's weights, biases and activations; channel 1 never fires.
grep -q '^tiny/conv weight 3 0.5$' sound.txt || fail "weights of conv: $(grep 'conv weight' sound.txt)"
grep -q '^tiny/flatten activation 0 0.25$' sound.txt || fail "activations: $(grep 'flatten' sound.txt)"
paste -d' ' sound.txt calibrated.txt | awk '$8 < $4 {bad = 1} END {exit bad}' || fail "sound proofs that are no calibrated ones"
paste -d' ' calibrated.txt each.txt | awk '$8 < $4 {bad = 1} END {exit bad}' || fail "calibrated proofs that are none for each input"

# A campaign of every fault on every input that the ranges were calibrated on: no stratum has fewer masked faults than proved.
"$nacre" inject p.ncr $w --data images.train --injections 1000000 --format csv >records.csv 2>err.txt || fail "inject: $(cat err.txt)"
# A record of an activation is of one input; one of a constant is of all, and counts those that changed.
for mode in calibrated each; do
  checks=$((checks + 1))
  awk -v shares=$mode.txt -v mode=$mode -F, '
  BEGIN { while ((getline line < shares) > 0) { split(line, w, " "); share[w[1] " " w[2] " " w[3]] = w[4] } }
  NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
  { key = $column["layer"] " " $column["site"] " " $column["bit"] }
  mode == "each" && $column["input"] == "all" { n[key] += 8; masked[key] += 8 - $column["benign"] - $column["sdc"]; next }
  { n[key]++; masked[key] += $column["outcome"] == "masked" }
  END {
    for (key in n) {
      if (!(key in share)) { print "no share for " key; bad = 1; continue }
      strata++
      proved += share[key] > 0
      found += masked[key]
      claimed += share[key] * n[key]
      if (masked[key] < share[key] * n[key] - 1e-6) { print key ": " masked[key] " of " n[key] " masked, proved " share[key]; bad = 1 }
    }
    if (strata != 120 || proved < 80) { print strata " strata, " proved " with proofs"; bad = 1 }
    if (claimed > found) { print claimed " proved, " found " masked"; bad = 1 }
    exit bad
  }' records.csv >strata.txt || fail "a campaign contradicts the proofs ($mode): $(head -5 strata.txt)"
done

finish
