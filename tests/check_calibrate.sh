#!/usr/bin/env bash
# nacre calibrate: the table it writes is a target of the language, in canonical form, that prices the networks it timed.
# usage: check_calibrate.sh NACRE SOURCE_DIR
. "$(dirname "$0")/lib.sh"

cat >space.ncr <<'EOF'
net tiny(x: tensor[1, 8, 8]) -> tensor[4] {
    let w = choose(4, 8, 12);
    x |> conv(w, kernel: choose(1, 3), pad: same) >> relu |> maxpool(2) |> flatten >> dense(4)
}
net fixed(x: tensor[1, 8, 8]) -> tensor[4] { x |> conv(5, kernel: 3, pad: same) >> relu |> flatten >> dense(4) }
EOF
"$nacre" calibrate space.ncr -o table.ncr --name bench --format json >fit.json 2>err
check "calibrate runs" $?
"$nacre" check -q table.ncr
check "the table is a program" $?
"$nacre" fmt --check table.ncr
check "in canonical form" $?
grep -q '^target bench {' table.ncr
check "with the name asked for" $?
# 6 members and the fixed net: two of seven are held out.
[ "$(grep -c '"held_out": true' fit.json)" = 2 ] && [ "$(grep -c '"held_out": false' fit.json)" = 5 ]
check "every third network is held out" $?
grep -q '"kendall_tau"' fit.json && grep -q '"mape"' fit.json && grep -q '"rmse_us"' fit.json
check "errors with and without the bias" $?
# What the report says is the sum of the rows it names, plus the bias.
"$nacre" report space.ncr --net fixed --target table.ncr --format json >report.json 2>/dev/null
check "report on the table" $?
python3 - <<'EOF'
import json, re, sys
report = json.load(open('report.json'))
unit = {'ps': 1e-3, 'ns': 1, 'us': 1e3, 'ms': 1e6, 's': 1e9}
text = open('table.ncr').read()
bias = re.search(r'bias: (-?[0-9.e+-]+) (\w+);', text)
total = float(bias[1]) * unit[bias[2]]
total += sum(l.get('latency_ns', 0) for l in report['layers'])
assert abs(total - report['totals']['latency_ns']) < 1e-3 * abs(total) + 1e-3, (total, report['totals'])
rows = re.findall(r'measured "([^"]*)" \{\s*latency: ([0-9.e+-]+) (\w+);\s*\}', text)
assert len(rows) >= 6 and all(float(v) > 0 for _, v, _ in rows), rows
values = [float(v) * unit[u] for _, v, u in rows]
for layer in report['layers']:
    if layer.get('latency_source') == 'measured':
        assert any(abs(layer['latency_ns'] - v) < 1e-3 * v for v in values), layer
EOF
check "figures agree with the table" $?
"$nacre" calibrate space.ncr --name '9x' >/dev/null 2>err
[ $? = 2 ] && grep -q 'cannot be the name of a target' err
check "a bad name is refused" $?
echo 'target t { memory ram { size: 1 KiB; } }' >none.ncr
"$nacre" calibrate none.ncr >/dev/null 2>err
[ $? = 2 ] && grep -q 'no network to time' err
check "a program without networks is refused" $?
"$nacre" calibrate space.ncr --format json >/dev/null 2>err
[ $? = 2 ] && grep -q 'give the table a file' err
check "JSON needs a file for the table" $?
finish
