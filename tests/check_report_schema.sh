#!/usr/bin/env bash
# JSON reports against docs/report.schema.json: networks and spaces of the examples, on targets of every model, with and
# without weights; broken documents are refused. Skipped without python3-jsonschema.
# usage: check_report_schema.sh NACRE SOURCE_DIR
. "$(dirname "$0")/lib.sh"
python3 -c 'import jsonschema; jsonschema.Draft202012Validator' 2>/dev/null || skip "no python3-jsonschema of version 4"
i=0
report() { "$nacre" report "$@" --format json >"$i.json" 2>err || { echo "FAIL nacre report $*"; cat err; exit 1; }; i=$((i + 1)); }
for f in "$source"/examples/zoo/*.ncr; do
  report "$f"
  for target in cortex_m4 systolic_16 eyeriss_like x86_64; do report "$f" --target $target; done
done
cat >table.ncr <<'EOF'
target timed { memory ram { size: 1 MiB; } measured "dense 10 -> 10" { latency: 1 us; } model: table; }
target bare { memory ram { size: 1 KiB; } }
EOF
sed -n 2p table.ncr >bare.ncr
report "$source/examples/zoo/mnist_small.ncr" --target bare.ncr
sed -i 2d table.ncr
report "$source/examples/zoo/mnist_small.ncr" --target table.ncr
report "$source/examples/spaces/nats_size.ncr"
report "$source/examples/spaces/residual.ncr" --target cortex_m7 --set width=24
report "$source/examples/spaces/mobilenet_v2.ncr"
cat >small.ncr <<'EOF'
data drawn = digits(train: 60, test: 20);
train brief { data: drawn.train; epochs: 1; }
net small(x: tensor[1, 28, 28]) -> tensor[10] { x |> conv(2, kernel: 3, stride: 2) |> relu |> flatten |> dense(10) }
EOF
must "$nacre" train small.ncr -q -o w.safetensors
report small.ncr --weights w.safetensors
report small.ncr --weights w.safetensors --ranges calibrated --target cortex_m4
python3 - "$source/docs/report.schema.json" "$i" <<'EOF'
import copy, json, sys
import jsonschema
schema = json.load(open(sys.argv[1]))
jsonschema.Draft202012Validator.check_schema(schema)
report = jsonschema.Draft202012Validator(schema["$defs"]["report"] | {"$defs": schema["$defs"]})
space = jsonschema.Draft202012Validator(schema["$defs"]["space"] | {"$defs": schema["$defs"]})
both = jsonschema.Draft202012Validator(schema)
passed = failed = 0
def check(name, good, why=""):
    global passed, failed
    if good: passed += 1
    else:
        failed += 1
        print("FAIL", name, why)
docs = [json.load(open(f"{k}.json")) for k in range(int(sys.argv[2]))]
for k, d in enumerate(docs):
    own = space if d["schema"].startswith("nacre.space") else report
    errors = list(own.iter_errors(d))
    check(f"document {k} of {d['net']}", not errors, "; ".join(f"{list(e.path)}: {e.message[:120]}" for e in errors[:3]))
    check(f"document {k}, either", both.is_valid(d))
assert any("masked" in d and d["masked"] for d in docs) and sum("target" in d for d in docs) > 10
# Broken ones.
def broken(name, d, change):
    d = copy.deepcopy(d)
    change(d)
    check(name, not both.is_valid(d))
net, sp = docs[1], next(d for d in docs if d["schema"].startswith("nacre.space"))
broken("a key that does not exist", net, lambda d: d["totals"].update(speed=3))
broken("a missing figure", net, lambda d: d["totals"].pop("macs"))
broken("a negative count", net, lambda d: d["totals"].update(macs=-1))
broken("a text for a number", net, lambda d: d["layers"][0].update(params="0"))
broken("another schema", net, lambda d: d.update(schema="nacre.report/2"))
broken("an id that is none", net, lambda d: d.update(arch_id="xyz"))
broken("no layers", net, lambda d: d.update(layers=[]))
broken("an unknown model", net, lambda d: d["target"].update(model="guess"))
broken("a space without lints", sp, lambda d: d.pop("lints"))
broken("a histogram of 19 bins", sp, lambda d: d["survey"]["metrics"]["macs"]["histogram"].pop())
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
EOF
