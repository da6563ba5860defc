#!/usr/bin/env bash
# The ONNX models that the comparison with other runtimes writes, read by an independent reader: the bytes parse, every
# name is made before it is used, shapes and sizes fit, and LeNet-5 computes what Nacre computes. Runtimes that compute
# something else or end are told. PyTorch computes what Nacre computes, where it is installed.
# usage: check_peers.sh NACRE SOURCE_DIR
. "$(dirname "$0")/lib.sh"
program=$(dirname "$nacre")/compare_peers
[ -x "$program" ] || skip "no $program"
command -v python3 >/dev/null || skip "no python3"
must "$program" write "$source" "$work" lenet5,resnet8,ds_cnn,mobilenet,autoencoder
expect 2 nosuch "$program" write "$source" "$work" nosuch
ok "the models are as ONNX wants them" python3 -B "$source/tests/bench/peers/read_onnx.py" "$work"

# A runtime whose results are all zero: they have the right size, and are noticed.
cat >zeros <<'EOT'
while IFS=$'\t' read -r _ model _ _ out; do
  case $model in *float*) n=4000 ;; *) n=1000 ;; esac # 100 results of LeNet-5
  head -c "$n" /dev/zero >"$out"
  echo "ok 1.0 4096"
done
EOT
agree() { # STATUS TEXT COUNT ARGUMENTS…: of compare_peers agree, and how many lines have the text
  local status=$1 text=$2 count=$3 got=0
  shift 3
  checks=$((checks + 1))
  "$program" agree "$source" "$work" lenet5 "$@" >out 2>&1 || got=$?
  if [ $got -ne "$status" ] || [ "$(grep -c -e "$text" out)" -ne "$count" ]; then
    fail "compare_peers agree $*: status $got, wanted $status and $count times '$text' in:"
    cat out
  fi
}
agree 0 "^| lenet5 | – | – | – | – | [0-9]" 1
# Two batches, 1 and 2 threads, int8 and float.
agree 1 "PyTorch .*: results differ from Nacre's" 8 --torch bash zeros
agree 1 "ONNX Runtime .*: results differ from Nacre's" 8 --torch bash zeros --onnxruntime bash zeros
agree 1 "PyTorch .*: the process ended" 10 --torch true
agree 2 "^usage: " 1 --torch
agree 2 "^usage: " 1 --torch --onnxruntime bash
agree 2 "^usage: " 1 bash --torch bash

python=python3
python3 -c 'import torch' 2>/dev/null || python=/usr/bin/python3
if "$python" -c 'import torch' 2>/dev/null; then
  ok "PyTorch computes what Nacre computes" "$python" -B "$source/tests/bench/peers/check_torch.py" "$work"
else
  echo "PyTorch is left out: no python3 here imports torch"
fi
finish
