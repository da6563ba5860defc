#!/usr/bin/env bash
# nacre correlate: a journal that a stopped run goes on with, to the byte; coefficients, JSON, plot; refusals.
# usage: check_correlate.sh NACRE SOURCE_DIR
. "$(dirname "$0")/lib.sh"

cat >space.ncr <<'EOF'
data drawn = digits(train: 200, test: 60, seed: 5);
train brief { data: drawn.train; epochs: 2; batch: 20; optimizer: adam(lr: 5e-3); }
net tiny(x: tensor[1, 28, 28]) -> tensor[10] {
    let w = choose(2, 4, 6);
    x
        |> conv(w, kernel: choose(3, 5), stride: 2, pad: same)
        >> relu
        >> maxpool(2)
        >> flatten
        >> dense(choose(12, 16))
        >> relu
        >> dense(10)
}
EOF
options="--inputs 8 --injections 40 --margin 0.2 --threads 1 --trainer reference --least-accuracy 0"
"$nacre" correlate space.ncr $options --sample 4 -o whole.csv --svg plot.svg >whole.txt 2>err
check "a run to the end" $?
[ "$(grep -c '^[0-9a-f]\{32\},' whole.csv)" = 4 ]
check "one line a network" $?
"$nacre" correlate space.ncr $options --sample 3 -o parts.csv >/dev/null 2>err &&
  printf 'cut off in the mid' >>parts.csv &&
  "$nacre" correlate space.ncr $options --sample 4 -o parts.csv --resume >parts.txt 2>err
check "a run in parts, after a crash in the middle of a line" $?
cmp -s whole.csv parts.csv && cmp -s whole.txt parts.txt
check "gives the same bytes" $?
"$nacre" correlate space.ncr ${options/--threads 1/--threads 2} --sample 4 -o threads.csv >/dev/null 2>err &&
  cmp -s whole.csv threads.csv
check "with two threads, too" $?
"$nacre" correlate space.ncr $options --sample 4 -o whole.csv --resume --format json >out.json 2>err
check "JSON" $?
python3 - <<'EOF'
import csv, json, re, xml.etree.ElementTree as tree
lines = open('whole.csv').read().split('\n')
names = next(csv.reader([lines[1]]))
rows = [dict(zip(names, r)) for r in csv.reader(lines[2:]) if r]
def pearson(x, y):
    n = len(x); mx = sum(x) / n; my = sum(y) / n
    a = sum((p - mx) * (q - my) for p, q in zip(x, y))
    b = sum((p - mx) ** 2 for p in x) * sum((q - my) ** 2 for q in y)
    return a / b ** 0.5 if b > 0 else None
out = json.load(open('out.json'))
assert out['networks'] == 4
checked = 0
for c in out['between_networks']:
    if c['measured'] == 'critical_ber': continue
    want = pearson([float(r[c['predictor']]) for r in rows], [float(r[c['measured']]) for r in rows])
    got = c['pearson']['r']
    assert (want is None) == (got is None) or abs(want or 0) < 1e-6, (c, want)
    if want is not None and got is not None:
        assert abs(want - got) < 1e-9, (c, want)
        checked += 1
assert checked > 20, checked
for r in rows:
    for k, v in r.items():
        if k.startswith('ccr') or k.startswith('sdc') or k == 'error_int8':
            assert 0 <= float(v) <= 1, (k, v)
svg = tree.parse('plot.svg').getroot()
circles = svg.findall('.//{http://www.w3.org/2000/svg}circle')
assert len(circles) >= 4 * 23 * 3, len(circles)
EOF
check "the coefficients are those of the rows; the plot has the points" $?
"$nacre" correlate space.ncr $options --sample 4 --seed 2 -o whole.csv --resume >/dev/null 2>err
[ $? = 2 ] && grep -q 'is of another run' err
check "a journal of another run is refused" $?
cat >>space.ncr <<'EOF'
train other { data: drawn.train; epochs: 2; batch: 20; optimizer: sgd(lr: 0.05); }
quant fixed8 { weights: fixed(bits: 8); activations: fixed(bits: 8); }
quant int8 { weights: linear(bits: 8, per: channel); }
EOF
"$nacre" correlate space.ncr $options --sample 3 -o declared.csv >/dev/null 2>err
check "a program with two trainings and two quantisations" $?
cp declared.csv before.csv
"$nacre" correlate space.ncr $options --sample 4 -o declared.csv --resume --train other >/dev/null 2>err
[ $? = 2 ] && grep -q 'is of another run' err && cmp -s declared.csv before.csv
check "a journal of another training is refused and kept" $?
"$nacre" correlate space.ncr $options --sample 4 -o declared.csv --resume --quant int8 >/dev/null 2>err
[ $? = 2 ] && grep -q 'is of another run' err && cmp -s declared.csv before.csv
check "so is one of another quantisation" $?
echo 'net one(x: tensor[1, 28, 28]) -> tensor[10] { x |> flatten |> dense(10) }' >one.ncr
"$nacre" correlate one.ncr >/dev/null 2>err
[ $? = 2 ] && grep -q 'has no decisions' err
check "one network is refused" $?
"$nacre" correlate space.ncr --ber 1e-3,1e-4 >/dev/null 2>err
[ $? = 2 ] && grep -q 'rising rates' err
check "rates that fall are refused" $?
# Ctrl-C: what is finished is kept, the exit code says so.
"$nacre" correlate space.ncr --sample 12 --inputs 60 --injections 4000 --margin 0.05 --threads 1 --trainer reference -o stop.csv >/dev/null 2>err &
pid=$!
for _ in $(seq 100); do [ -s stop.csv ] && break; sleep 0.1; done
kill -INT $pid
wait $pid
code=$?
{ [ $code = 130 ] || [ $code = 0 ]; } && [ "$(grep -c '^[0-9a-f]\{32\},' stop.csv)" -ge 1 ]
check "a stop keeps the finished networks (exit $code)" $?
long="--sample 12 --inputs 60 --injections 4000 --margin 0.05 --threads 1 --trainer reference"
"$nacre" correlate space.ncr $long -o stop.csv --resume >stop.txt 2>err &&
  "$nacre" correlate space.ncr $long -o through.csv >through.txt 2>err &&
  cmp -s stop.csv through.csv && cmp -s stop.txt through.txt
check "and goes on to the same bytes" $?
finish
