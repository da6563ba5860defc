#!/usr/bin/env bash
# Fault campaigns from the command line: outcomes add up, files do not depend on threads, kills, stops or the executor,
# replay agrees with the records, wrong requests are refused. usage: check_inject.sh NACRE SOURCE_DIR
. "$(dirname "$0")/lib.sh"

cat >p.ncr <<'END'
net tiny(x: tensor[1, 28, 28]) -> tensor[10] {
    x |> maxpool(7) >> conv(4, kernel: 3) >> relu >> flatten >> dense(10)
}
data images = digits(seed: 1, train: 64, test: 32);
train t { data: images.train; }
fault seu { model: bitflip(bits: 1); sites: activations, weights; }
fault ber { model: bitflip(rate: 1e-3 per bit); sites: activations, weights; persistence: permanent; }
fault high { model: stuck_at(1); sites: weights, biases; bits: 6..=7; }
fault deep { model: bitflip(bits: 1); sites: accumulators; }
campaign c { net: tiny; quant: q; fault: seu; data: images.test[0..20]; stop: injections(3000); seed: 5; }
campaign m { net: tiny; quant: q; fault: high; data: images.test[0..20]; stop: margin(5%, confidence: 90%, per: layer); }
quant q { weights: linear(bits: 8, per: channel); activations: linear(bits: 8); }
END
# Weights by hand: 36 + 4 + 640 + 10 floats out of eight.
values=('\x00\x00\x80\x3e' '\x00\x00\x00\xbf' '\x00\x00\xc0\x3d' '\x00\x00\x40\x3f' '\x00\x00\x20\xbe' '\x00\x00\x80\xbf' '\x00\x00\x00\x3d' '\x00\x00\x60\x3e')
bytes=
for ((i = 0; i < 690; i++)); do bytes+=${values[$(((i * i * 7 + i / 5 * 3 + i / 64) % 8))]}; done
tiny_weights "$bytes"

inject() { "$nacre" inject p.ncr --weights w.safetensors "$@"; }
replay() { "$nacre" replay p.ncr --weights w.safetensors "$@"; }

# Outcomes and forms.
expect 0 'check: 3,000 injected = [0-9,]+ masked \+ [0-9,]+ benign \+ [0-9,]+ SDC \+ 0 DUE' inject
expect 0 'tiny/conv +weight +288 ' inject
expect 0 '"schema": "nacre.inject/1"' inject --format json
expect 0 '"check": true' inject --format json
expect 0 '"executor": "interpreter"' inject --format json --executor interpreter
expect 0 'runs verified densely' inject --injections 300 --verify 10
expect 0 'stuck_at\(1\) at weights, biases; bits 6..=7' inject --campaign m
expect 0 'for a margin of 5 % at 90 % confidence per layer' inject --campaign m
expect 0 '^0.001 +[0-9.]+ +[0-9]' inject --ber 1e-4,1e-3
expect 0 'any input \[interval\]' inject --fault ber --injections 20
inject --format csv -o records.csv
checks=$((checks + 1))
[ "$(wc -l <records.csv)" -eq 3001 ] || fail "$(wc -l <records.csv) lines of CSV"

# Files: threads, executors, interruption, extension.
inject --records one --threads 1 >/dev/null
inject --records two --threads 2 >/dev/null
inject --records slow --executor interpreter >/dev/null
same one two 'two threads write another file'
same one slow 'the interpreter writes another file'
inject --records part --injections 777 >/dev/null
inject --records part --resume >/dev/null
same one part 'an extended campaign is another one'
head -c 5000 one >cut
inject --records cut --resume >/dev/null
same one cut 'a cut file resumes to another one'
inject --records long --injections 60000 --threads 1 >/dev/null
for signal in KILL INT; do
  rm -f stopped
  sizes=
  for delay in 0.03 0.06 0.1 0.3; do
    resume=
    [ -e stopped ] && resume=--resume
    { timeout -s $signal $delay "$nacre" inject p.ncr --weights w.safetensors --records stopped $resume \
      --injections 60000 --threads 2 --executor interpreter; } >/dev/null 2>&1
    [ -e stopped ] && sizes+=" $(wc -c <stopped)"
  done
  resume=
  [ -e stopped ] && resume=--resume
  inject --records stopped $resume --injections 60000 >/dev/null
  same long stopped "after SIG$signal the file is another one"
  echo "bytes after each SIG$signal:$sizes of $(wc -c <long)"
done

# Replay.
for i in 0 1 2 3 499 2999; do
  expect 0 'the record says the same' replay --records one --index $i
done
expect 0 'masked here|outcome on this input: (benign|SDC)' replay --index 12
expect 0 '"record_agrees": true' replay --records one --index 7 --format json
expect 2 'has no record 3000: it holds 3000' replay --records one --index 3000
expect 2 'seed is 5 there and 6 here' replay --records one --index 3 --seed 6
expect 2 'which injection\? --index I' replay --records one

# Refusals.
expect 2 "'one' exists: ask to resume it, or name another file" inject --records one
expect 2 "'one' holds another campaign: seed is 5 there and 9 here" inject --records one --resume --seed 9
expect 2 'inputs is 20 there and 4 here' inject --records one --resume --inputs 4
expect 2 'is not a campaign file' inject --records p.ncr --resume
expect 2 '--resume needs the file' inject --resume
expect 2 'rates from 0 to 1 with commas between, not `2`' inject --ber 1e-3,2
expect 2 'there is no campaign `cc`' inject --campaign cc
expect 2 'there is no fault `sue`; did you mean `seu`' inject --fault sue
expect 2 '--executor is jit or interpreter, not `fpga`' inject --executor fpga
expect 2 'trained weights are needed' "$nacre" inject p.ncr
expect 1 "p.ncr:9:7: error\[N0905\]: fault 'deep' strikes accumulators" inject --fault deep
expect 3 "cannot append to '/nonexistent/r'" inject --records /nonexistent/r
if [ -c /dev/full ]; then
  checks=$((checks + 1))
  inject --injections 10 >/dev/full 2>/dev/null
  [ $? -eq 3 ] || fail "a full disk goes unnoticed"
fi
finish
