#!/usr/bin/env bash
# The ONNX models that the comparison with other runtimes writes, read by an independent reader: the bytes parse, every
# name is made before it is used, shapes and sizes fit, and LeNet-5 computes what Nacre computes.
# usage: check_peers.sh NACRE SOURCE_DIR
. "$(dirname "$0")/lib.sh"
program=$(dirname "$nacre")/compare_peers
[ -x "$program" ] || skip "no $program"
command -v python3 >/dev/null || skip "no python3"
"$program" write "$source" "$work" lenet5,resnet8,ds_cnn,mobilenet,autoencoder || { echo "FAIL: no models"; exit 1; }
if "$program" write "$source" "$work" nosuch 2>err || ! grep -q nosuch err; then
  echo "FAIL: a network that is not there was taken"
  exit 1
fi
python3 "$source/tests/bench/peers/read_onnx.py" "$work"
