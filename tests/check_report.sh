#!/usr/bin/env bash
# nacre report from the outside: forms, choices, exit codes, the data on standard output alone.
# usage: check_report.sh NACRE SOURCE_DIR
. "$(dirname "$0")/lib.sh"
zoo=$source/examples/zoo
# expect CODE WHAT ARGS…: here runs nacre report; output in out and err
expect() {
  local want=$1 what=$2
  shift 2
  "$nacre" report "$@" >out 2>err </dev/null
  local got=$?
  checks=$((checks + 1))
  [ $got = "$want" ] || fail "$what: exit code $got instead of $want: $(head -3 err)"
}
has() {
  checks=$((checks + 1))
  grep -qF -- "$2" "$1" || fail "standard ${1/out/output}: no '$2' in: $(head -5 "$1")"
}
empty() {
  checks=$((checks + 1))
  [ ! -s "$1" ] || fail "$1 is not empty: $(head -3 "$1")"
}

cat >two.ncr <<'NCR'
net first(x: tensor[4]) -> tensor[2] { x |> dense(2) }
net second(x: tensor[4]) -> tensor[3] { x |> dense(3) }
quant narrow { weights: linear(bits: 4); activations: linear(bits: 8); }
quant wide { weights: linear(bits: 8); activations: linear(bits: 8); }
quant powers { weights: linear(bits: 8); activations: log2(bits: 4); }
NCR
cat >open.ncr <<'NCR'
net open(x: tensor[4]) -> tensor[2] { x |> dense(choose(8, 16)) >> dense(2) }
NCR

expect 0 "text" "$zoo/mnist_small.ncr"
has out "21,840"
has out "480,500"
has out "default: the program declares no quantisation"
empty err
expect 0 "json" "$zoo/resnet18.ncr" --format json
has out '"schema": "nacre.report/1"'
has out '"params": 11689512,'
has out '"macs": 1814073344,'
has out '"file": "<std.blocks>"'
empty err
expect 0 "csv" "$zoo/mobilenet_v1.ncr" --format csv
has out "path,op,shape,params,macs,"
has out "mobilenet_v1/classifier/dense,dense,1000,1025000,1024000,1000,1028000,"

expect 0 "the last net, the first format" two.ncr
has out "net       second"
has out "declared as \`narrow\`"
has out "linear int4 weights and linear int8 activations"
expect 0 "chosen net and format" two.ncr --net first --quant wide
has out "net       first"
has out "linear int8, declared as \`wide\`"
expect 2 "no such net" two.ncr --net thrid
has err "there is no net \`thrid\`"
empty out
expect 2 "no such format" two.ncr --quant narow
has err "did you mean \`narrow\`?"
empty out
expect 1 "a format that cannot be computed" two.ncr --quant powers
has err "error[N0701]"
empty out
expect 0 "a space" open.ncr
has out "a space of 1 decision"
has out "exact"
expect 0 "a member of a space" open.ncr --set out=8
has out "arch_id"
expect 2 "no net at all" /dev/null
has err "the program has no net"
empty out
expect 3 "no such file" none.ncr
expect 2 "unknown form" "$zoo/mnist_small.ncr" --format xml
expect 2 "no file"
if [ -e /dev/full ]; then
  "$nacre" report "$zoo/mnist_small.ncr" >/dev/full 2>err
  [ $? = 3 ] || fail "a full disk does not give exit code 3"
  has err "cannot write standard output"
fi

finish
