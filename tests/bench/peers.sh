#!/usr/bin/env bash
# Nacre's emitted code beside ONNX Runtime, PyTorch and oneDNN: builds the release preset, fetches ONNX Runtime's package
# for Node.js once into the build folder, compares, prints tables. Without Node.js or the package, or without a Python
# that has PyTorch, that peer is left out and the reason is printed. Exit status 1 where a peer's results are not
# Nacre's. docs/compare-speed.md has more.
# usage: tests/bench/peers.sh [NETWORKS]    "all" (default) or names of tests/bench/peers/networks.ncr: lenet5,resnet20
set -euo pipefail
cd "$(dirname "$0")/../.."
version=1.30.0 # of onnxruntime-node: pinned, so that runs can be compared
networks=${1:-all} build=build/release work=build/release/peers

cmake --preset release >/dev/null
if ! grep -q compare_peers "$build/build.ninja"; then
  echo "skipped: the comparison needs version 2 of oneDNN"
  exit 0
fi
if ! said=$(cmake --build --preset release --target compare_peers -- --quiet 2>&1); then
  echo "$said" >&2
  exit 3
fi
mkdir -p "$work/models"

# The package's own install script fetches code for graphics cards: not wanted.
missing=
if ! command -v node >/dev/null; then
  missing="node is not installed"
elif [ ! -f "$work/onnxruntime-$version" ]; then
  if ! command -v npm >/dev/null; then
    missing="npm is not installed"
  elif ! (cd "$work" && rm -rf node_modules && echo '{"private": true}' >package.json &&
    npm install --ignore-scripts --no-audit --no-fund --save-exact "onnxruntime-node@$version") >"$work/npm.log" 2>&1; then
    missing="npm could not fetch onnxruntime-node $version ($work/npm.log has its words)"
  else
    touch "$work/onnxruntime-$version"
  fi
fi

# Another python3 may come before the system's, which is the one that the distribution's packages serve.
torch=
for python in "${PYTHON:-python3}" /usr/bin/python3; do
  if "$python" -c 'import torch' 2>/dev/null; then
    torch=$python
    break
  fi
done

echo "machine: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores, load $(cut -d' ' -f1 /proc/loadavg)"
compare=("$build/compare_peers" run . "$work/models" "$networks") workers=() status=0
if [ -n "$missing" ]; then
  echo "ONNX Runtime is left out: $missing."
else
  echo "node $(node --version)"
  workers+=(--onnxruntime node tests/bench/peers/worker.js "$work")
fi
if [ -z "$torch" ]; then
  echo "PyTorch is left out: no python3 here imports torch (Debian: python3-torch, and libopenblas0 for its float)."
else
  "$torch" -c 'import platform, re, torch
blas = re.search(r"/\S*blas\S*", open("/proc/self/maps").read())
print(f"Python {platform.python_version()}, PyTorch {torch.__version__}, BLAS {blas.group() if blas else None}")'
  workers+=(--torch "$torch" -B tests/bench/peers/worker_torch.py)
fi
"${compare[@]}" "${workers[@]}" || status=$?
# oneDNN's choice of instructions is made once in a process.
if grep -q amx_int8 /proc/cpuinfo; then
  printf '\nOnce more without tile registers (AMX), neither in Nacre nor in oneDNN:\n'
  NACRE_FAMILY=x86_vnni512 ONEDNN_MAX_CPU_ISA=AVX512_CORE_VNNI "${compare[@]}" || status=$?
fi
exit $status
