#!/usr/bin/env bash
# The ONNX models that the comparison with other runtimes writes, read by an independent reader: the bytes parse, every
# name is made before it is used, shapes and sizes fit, and LeNet-5 computes what Nacre computes.
# usage: check_peers.sh NACRE SOURCE_DIR
set -u
program=$(dirname "$1")/compare_peers
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
[ -x "$program" ] || { echo "skipped: no $program"; exit 77; }
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
"$program" write "$2" "$work" lenet5,resnet8,ds_cnn,mobilenet,autoencoder || { echo "FAIL: no models"; exit 1; }
if "$program" write "$2" "$work" nosuch 2>"$work/err" || ! grep -q nosuch "$work/err"; then
  echo "FAIL: a network that is not there was taken"
  exit 1
fi
python3 "$2/tests/bench/peers/read_onnx.py" "$work"
