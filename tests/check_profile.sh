#!/usr/bin/env bash
# nacre run --profile: every operator that runs is there, the figures hang together; no time is judged.
# usage: check_profile.sh NACRE SOURCE_DIR
. "$(dirname "$0")/lib.sh"
cat >net.ncr <<'EOF'
data drawn = digits(train: 60, test: 20);
train brief { data: drawn.train; epochs: 1; }
net small(x: tensor[1, 28, 28]) -> tensor[10] { x |> conv(4, kernel: 3) |> relu |> maxpool(2) |> flatten |> dense(10) }
EOF
must "$nacre" train net.ncr -q -o w.safetensors
"$nacre" run net.ncr --weights w.safetensors --profile >text 2>err
check "a table" $?
for word in conv 'conv *conv+maxpool' dense total whole peak copy; do grep -q "^$word" text; check "with $word" $?; done
"$nacre" run net.ncr --weights w.safetensors --profile --format json >out.json 2>err
check "JSON" $?
python3 - <<'EOF'
import json
p = json.load(open('out.json'))
assert p['schema'] == 'nacre.profile/1' and p['net'] == 'small'
layers = {l['path']: l for l in p['layers']}
assert list(layers) == ['conv', 'dense'], list(layers)
assert layers['conv']['fused'] == 'maxpool' and 'fused' not in layers['dense']
assert layers['conv']['macs'] == 4 * 9 * 28 * 28 and layers['dense']['macs'] == 10 * 4 * 14 * 14
assert layers['conv']['bytes'] == 784 + 4 * 14 * 14 + 4 * 9 + 4 * 4
assert abs(sum(l['us'] for l in p['layers']) - p['layers_us']) < 1e-6 * p['layers_us']
assert p['inference_us'] > 0 and p['copy_gbytes_per_s'] > 0
for l in p['layers']:
    assert l['us'] > 0 and l['binds'] in ('compute', 'memory', 'neither', '-'), l
    if l['macs']:
        assert abs(l['gmacs_per_s'] * l['us'] * 1e3 - l['macs']) < 1e-6 * l['macs']
        if p['peak_gmacs_per_s'] is not None:
            assert abs(l['peak_share'] * p['peak_gmacs_per_s'] - l['gmacs_per_s']) < 1e-6 * l['gmacs_per_s']
EOF
check "whose figures hang together" $?
[ "$("$nacre" run net.ncr --weights w.safetensors --profile --format csv | wc -l)" = 3 ]
check "CSV: a line a layer" $?
# A net in which nothing runs has no rates.
sed 's/^net .*/net small(x: tensor[1, 28, 28]) -> tensor[1, 28, 28] { x }/' net.ncr >none.ncr
printf '\10\0\0\0\0\0\0\0{}      ' >none.safetensors
"$nacre" run none.ncr --weights none.safetensors --profile >text 2>err && grep -q '^total' text && ! grep -q 'nan\|inf ' text
check "no layers, no rates" $?
"$nacre" run net.ncr --weights w.safetensors --profile --limit 3 >/dev/null 2>err
[ $? = 2 ] && grep -q 'takes no images' err
check "images are refused" $?
"$nacre" run net.ncr --profile >/dev/null 2>err
[ $? = 2 ] && grep -q 'trained weights are needed' err
check "weights are needed" $?
finish
