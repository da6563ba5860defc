#!/usr/bin/env bash
# nacre train, eval and run on a small network and the built-in digits: that the figures of the three agree, that a
# stopped run ends with the weights of an unbroken one, and what wrong requests say.
# usage: check_cli_train.sh NACRE SOURCE_DIR
. "$(dirname "$0")/lib.sh"
expect() { # here CODE "text on standard error, empty: any" arguments of nacre…
  local code=$1 text=$2 found
  shift 2
  checks=$((checks + 1))
  "$nacre" "$@" >out 2>err
  found=$?
  if [ $found != "$code" ] || { [ -n "$text" ] && ! grep -qF -- "$text" err; }; then
    fail "nacre $*: exit $found (expected $code), expected: $text"
    cat err
  fi
}
json() { # json FILE KEY: the first value of a key, as our writer lays it out
  sed -n "s/^ *\"$2\": \(.*[^,]\),\{0,1\}$/\1/p" "$1" | head -n 1
}
above() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a > b) }'; }

cat >small.ncr <<'END'
net small(x: tensor[1, 28, 28]) -> tensor[10] {
    x |> conv(6, kernel: 5, stride: 2) >> batchnorm >> relu >> maxpool(2) >> flatten >> dropout(0.1) >> dense(10)
}
data images = digits(seed: 3, train: 2000, test: 400, valid: 10%);
data others = digits(seed: 4, train: 10, test: 100);
train quick {
    data: images.train; epochs: 3; batch: 50;
    optimizer: sgd(lr: 0.05, momentum: 0.9); schedule: cosine;
}
quant int8 { weights: linear(bits: 8, per: channel); activations: linear(bits: 8); }
END

# ---- train ----
expect 0 "" train small.ncr -o a.safetensors --format json --threads 1
mv out a.json
ok "the schema" [ "$(json a.json schema)" = '"nacre.train/1"' ]
ok "1800 images are left for training" [ "$(grep -c '"images": 1800' a.json)" = 1 ]
ok "200 images are for validation" [ "$(grep -c '"images": 200' a.json)" = 1 ]
ok "it learns (a blind guess is 10 %)" above "$(sed -n '/"test"/,/}/p' a.json | sed -n 's/.*"accuracy": //p')" 0.6
ok "the checkpoint of a finished run is gone" [ ! -e a.safetensors.checkpoint ]
expect 0 "" train small.ncr -o b.safetensors --threads 1
ok "the same seed gives the same bytes" cmp -s a.safetensors b.safetensors
ok "the summary names the weights" grep -q "weights: b.safetensors" out
expect 0 "" train small.ncr -o c.safetensors --seed 2 --quiet
ok "another seed gives others" [ "$(cmp -s a.safetensors c.safetensors; echo $?)" = 1 ]
expect 0 "" train small.ncr
ok "the name comes from the net" [ -s small.safetensors ]

# ---- stop and resume ----
sed 's/epochs: 3/epochs: 40/' small.ncr >long.ncr
"$nacre" train long.ncr -o stopped.safetensors --threads 1 >out 2>err &
pid=$!
for _ in $(seq 600); do
  [ -s stopped.safetensors.checkpoint ] && break
  sleep 0.05
done
kill -INT $pid
wait $pid
ok "Ctrl-C ends with 130" [ $? = 130 ]
ok "it says how to go on" grep -q -- "--resume" err
ok "the state is kept" [ -s stopped.safetensors.checkpoint ]
ok "no weights are written by a stopped run" [ ! -e stopped.safetensors ]
expect 0 "" train long.ncr -o stopped.safetensors --threads 1 --resume
expect 0 "" train long.ncr -o unbroken.safetensors --threads 1
ok "a resumed run ends with the weights of an unbroken one" cmp -s stopped.safetensors unbroken.safetensors

# ---- training for a quantisation ----
{ cat small.ncr; cat <<'END'
quant pow2 { weights: log2(bits: 2); activations: linear(bits: 8); }
quant fine { weights: linear(bits: 9); activations: linear(bits: 8); }
quant odd { weights: linear(bits: 8); activations: log2(bits: 4); }
train plain { data: images.train; epochs: 3; batch: 50; optimizer: sgd(lr: 0.02); }
train aware { data: images.train; epochs: 3; batch: 50; optimizer: sgd(lr: 0.02); quant: pow2; }
train wide { data: images.train; quant: fine; }
train log { data: images.train; quant: odd; }
END
} | sed 's/^train log/train strange/' >aware.ncr
correct() { sed -n "/\"$2\"/,/}/p" "$1" | sed -n 's/.*"correct": \([0-9]*\).*/\1/p' | head -n 1; }
for how in plain aware; do
  expect 0 "" train aware.ncr --train $how --weights a.safetensors -o $how.safetensors --format json
  mv out $how.json
  expect 0 "" eval aware.ncr --quant pow2 --weights $how.safetensors --format json
  mv out $how.eval
done
echo "weights of two bits: $(correct plain.eval quantised) of 400 right without, $(correct aware.eval quantised) with training for them"
ok "training for two bits gains more than 3 % in two bits" above "$(correct aware.eval quantised)" "$(($(correct plain.eval quantised) + 12))"
ok "the quantisation is named" [ "$(json aware.json quant)" = '"pow2"' ]
ok "without one there is none" [ "$(json plain.json quant)" = null ]
expect 0 "" eval aware.ncr --quant pow2 --weights aware.safetensors --data images.valid --format json
seen=$(json aware.json quantised_valid)
ok "what training computes with is the integer network, to 2 of 200 images" \
  awk -v a="$seen" -v b="$(correct out quantised)" 'BEGIN { d = 200 * a - b; exit !(d >= -2.01 && d <= 2.01) }'
expect 0 "" train aware.ncr --train aware --weights a.safetensors -o again.safetensors --trainer onednn
ok "the same start gives the same bytes" cmp -s aware.safetensors again.safetensors
ok "the summary says it" grep -q 'as `pow2` rounds it' out
expect 0 "" train aware.ncr --train aware -o drawn.safetensors --quiet
ok "another start gives others" [ "$(cmp -s aware.safetensors drawn.safetensors; echo $?)" = 1 ]

sed 's/epochs: 3/epochs: 40/' aware.ncr >aware_long.ncr
"$nacre" train aware_long.ncr --train aware --weights a.safetensors -o half.safetensors >out 2>err &
pid=$!
for _ in $(seq 600); do
  [ -s half.safetensors.checkpoint ] && break
  sleep 0.05
done
kill -INT $pid
wait $pid
ok "Ctrl-C ends it with 130" [ $? = 130 ]
cp half.safetensors.checkpoint kept
expect 2 "belongs to other weights to start from" train aware_long.ncr --train aware -o half.safetensors --resume
expect 2 "belongs to another quantisation" train aware_long.ncr --train plain --weights a.safetensors -o half.safetensors --resume
sed -i 's/log2(bits: 2)/log2(bits: 3)/' aware_long.ncr
expect 2 "belongs to another quantisation" train aware_long.ncr --train aware --weights a.safetensors -o half.safetensors --resume
sed -i 's/log2(bits: 3)/log2(bits: 2)/' aware_long.ncr
ok "a refusal leaves the checkpoint" cmp -s half.safetensors.checkpoint kept
expect 0 "" train aware_long.ncr --train aware --weights a.safetensors -o half.safetensors --resume
expect 0 "" train aware_long.ncr --train aware --weights a.safetensors -o all.safetensors
ok "resumed, it ends with the weights of an unbroken run" cmp -s half.safetensors all.safetensors

expect 1 "aware.ncr:12:7: error[N0702]: weights of \`fine\` have 9 bits; they can have 2 to 8" train aware.ncr --train wide
expect 1 "aware.ncr:13:7: error[N0701]: activations of \`odd\` are \`log2\`" train aware.ncr --train strange
sed 's/quant: pow2/quant: pow3/' aware.ncr >unknown.ncr
expect 1 "pow3" check unknown.ncr
ok "an unknown quantisation is pointed at, with the nearest name" grep -q 'did you mean `pow2`' err
sed 's/quant: pow2/quant: images/' aware.ncr >unknown.ncr
expect 1 "images" check unknown.ncr
sed 's/kernel: 5/kernel: 3/' aware.ncr >other.ncr
expect 3 "has shape [6, 1, 5, 5], but net \`small\` needs [6, 1, 3, 3]" train other.ncr --train aware --weights a.safetensors -o o.safetensors
ok "nothing is written then" [ ! -e o.safetensors ]
expect 3 "cannot read 'no.safetensors'" train aware.ncr --weights no.safetensors

# ---- eval ----
expect 0 "" eval small.ncr --weights a.safetensors --format json
mv out eval.json
right=$(sed -n '/"float"/,/}/p' eval.json | sed -n 's/.*"correct": \([0-9]*\).*/\1/p')
quantised=$(sed -n '/"quantised"/,/}/p' eval.json | sed -n 's/.*"correct": \([0-9]*\).*/\1/p')
ok "eval and train agree on the test images" [ -n "$right" -a "$right" = "$(sed -n '/"test"/,/}/p' a.json | sed -n 's/.*"correct": \([0-9]*\).*/\1/p')" ]
ok "float and int8 mostly agree" above "$(json eval.json agreement)" 0.95
ok "all classes are counted" [ "$(grep -c '"class"' eval.json)" = 10 ]
expect 0 "" eval small.ncr --weights a.safetensors --format json --interpreter
ok "the interpreter finds what the machine code finds" \
  [ "$(sed -n '/"quantised"/,/}/p' out | sed -n 's/.*"correct": \([0-9]*\).*/\1/p')" = "$quantised" ]
expect 0 "" eval small.ncr --weights a.safetensors --data others.test --limit 50
ok "another data set, limited" grep -q "small on others.test\[0..50\]: 50 images, 10 classes" out

# ---- run ----
expect 0 "" run small.ncr --weights a.safetensors --format csv
ok "a line an image" [ "$(wc -l <out)" = 401 ]
ok "run and eval agree" [ "$(awk -F, 'NR > 1 && $2 == $3 { n++ } END { print n }' out)" = "$quantised" ]
ok "the class is that of the largest score" awk -F, 'NR > 1 { b = 4; for (i = 5; i <= 13; i++) if ($i > $b) b = i; if (b - 4 != $3) exit 1 }' out
expect 0 "" run small.ncr --weights a.safetensors --data 'images.valid[10..30]' --scores
ok "the summary follows the scores" grep -q "images.valid\[10..30\]: .* of 20 images right" out
{ printf 'P5\n# a grey square\n28 28\n255\n'; head -c 784 /dev/zero; } >zero.pgm
head -c 784 /dev/zero >zero.raw
expect 0 "" run small.ncr --weights a.safetensors --image zero.pgm --format csv
mv out pgm.csv
expect 0 "" run small.ncr --weights a.safetensors --image zero.raw --format csv
ok "PGM and raw are the same image" cmp -s out pgm.csv
ok "one image, its class, ten scores" [ "$(tail -n 1 out | tr ',' '\n' | wc -l)" = 12 ]

# ---- wrong requests ----
expect 2 "trained weights are needed" eval small.ncr
expect 2 "trained weights are needed" run small.ncr
expect 3 "cannot read 'no.safetensors'" eval small.ncr --weights no.safetensors
head -c 1000 a.safetensors >cut.safetensors
expect 3 "'cut.safetensors': at offset 0: a header of" run small.ncr --weights cut.safetensors
sed 's/kernel: 5/kernel: 3/' small.ncr >other.ncr
expect 3 "has shape [6, 1, 5, 5], but net \`small\` needs [6, 1, 3, 3]" eval other.ncr --weights a.safetensors
expect 2 "there is no split \`tst\`; did you mean \`test\`?" eval small.ncr --weights a.safetensors --data images.tst
expect 2 "\`images.test[300..500]\` leaves the split, which has 400 images" run small.ncr --weights a.safetensors --data 'images.test[300..500]'
expect 2 "\`others.valid\` holds no images" run small.ncr --weights a.safetensors --data others.valid
expect 2 "there is no trainer \`sgd\`" train small.ncr --trainer sgd
expect 2 "there is nothing to resume: 'z.safetensors.checkpoint' does not exist" train small.ncr -o z.safetensors --resume
expect 2 "--image takes the place of --data and --limit" run small.ncr --weights a.safetensors --image zero.raw --limit 1
expect 3 "'a.json': at offset 0: neither PGM (P5) nor PPM (P6)" run small.ncr --weights a.safetensors --image a.json
expect 2 "--format csv has no meaning for \`eval\`" eval small.ncr --weights a.safetensors --format csv
expect 3 "cannot write" train small.ncr -o no/such/folder.safetensors
echo 'data d = mnist("mnist"); net n(x: tensor[1, 28, 28]) -> tensor[10] { x |> flatten >> dense(10) } train t { data: d.train; }' >mnist.ncr
expect 3 "there is no 'nowhere/mnist/train-images-idx3-ubyte' and no" train mnist.ncr --data-dir nowhere
if [ -w /dev/full ]; then
  "$nacre" eval small.ncr --weights a.safetensors >/dev/full 2>err
  ok "a full disk under standard output" [ $? = 3 ]
fi

finish
