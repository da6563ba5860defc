#!/usr/bin/env bash
# The ONNX models that the comparison with other runtimes writes, read by an independent reader: the bytes parse, every
# name is made before it is used, shapes and sizes fit, and LeNet-5 computes what Nacre computes. Runtimes that compute
# something else or end are told. PyTorch computes what Nacre computes, where it is installed.
# usage: check_peers.sh NACRE SOURCE_DIR
set -u
program=$(dirname "$1")/compare_peers
work=$(mktemp -d)
source=$2
trap 'rm -rf "$work"' EXIT
[ -x "$program" ] || { echo "skipped: no $program"; exit 77; }
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
"$program" write "$source" "$work" lenet5,resnet8,ds_cnn,mobilenet,autoencoder || { echo "FAIL: no models"; exit 1; }
if "$program" write "$source" "$work" nosuch 2>"$work/err" || ! grep -q nosuch "$work/err"; then
  echo "FAIL: a network that is not there was taken"
  exit 1
fi
python3 -B "$source/tests/bench/peers/read_onnx.py" "$work" || exit 1

# A runtime whose results are all zero: they have the right size, and are noticed.
cat >"$work/zeros" <<'EOF'
while IFS=$'\t' read -r _ model _ _ out; do
  case $model in *float*) n=4000 ;; *) n=1000 ;; esac # 100 results of LeNet-5
  head -c "$n" /dev/zero >"$out"
  echo "ok 1.0 4096"
done
EOF
expect() { # STATUS TEXT COUNT ARGUMENTS...
  local status=$1 text=$2 count=$3 got=0
  shift 3
  "$program" agree "$source" "$work" lenet5 "$@" >"$work/out" 2>&1 || got=$?
  if [ $got -ne "$status" ] || [ "$(grep -c -e "$text" "$work/out")" -ne "$count" ]; then
    echo "FAIL: compare_peers agree $*: status $got, wanted $status and $count times '$text' in:"
    cat "$work/out"
    exit 1
  fi
}
expect 0 "^| lenet5 | – | – | – | – | [0-9]" 1
# Two batches, 1 and 2 threads, int8 and float.
expect 1 "PyTorch .*: results differ from Nacre's" 8 --torch bash "$work/zeros"
expect 1 "ONNX Runtime .*: results differ from Nacre's" 8 --torch bash "$work/zeros" --onnxruntime bash "$work/zeros"
expect 1 "PyTorch .*: the process ended" 10 --torch true
expect 2 "^usage: " 1 --torch
expect 2 "^usage: " 1 --torch --onnxruntime bash
expect 2 "^usage: " 1 bash --torch bash

python=python3
python3 -c 'import torch' 2>/dev/null || python=/usr/bin/python3
if "$python" -c 'import torch' 2>/dev/null; then
  "$python" -B "$source/tests/bench/peers/check_torch.py" "$work" || exit 1
else
  echo "PyTorch is left out: no python3 here imports torch"
fi
