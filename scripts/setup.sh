#!/usr/bin/env bash
# Installs what Nacre needs and this machine lacks (Debian 12 or later, Ubuntu 24.04 or later). Does nothing when all is there.
# NACRE_PEERS=1 adds what the comparisons in tests/bench need.
set -euo pipefail

packages=(gcc g++ cmake ninja-build flex bison pkg-config git
  llvm-19-dev clang-19 libclang-rt-19-dev
  valgrind
  libdnnl-dev libxxhash-dev libjansson-dev libgmp-dev zlib1g-dev libcriterion-dev jq
  python3 python3-jsonschema chromium
  lld-19 qemu-user qemu-system-arm qemu-system-misc)

missing=()
for p in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$p")
done
if [ ${#missing[@]} -eq 0 ]; then
  bash "$(dirname "$0")/web.sh"
  exit 0
fi

command -v apt-get >/dev/null || {
  echo "setup: this system has no apt-get; install by hand: ${missing[*]}" >&2
  exit 3
}
sudo=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "setup: run as root, or install by hand: ${missing[*]}" >&2; exit 3; }
  sudo=(sudo)
fi
echo "setup: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${sudo[@]}" apt-get update -qq
# oneDNN's package is called libdnnl-dev in Debian 12 and libonednn-dev in some later releases.
if printf '%s\n' "${missing[@]}" | grep -qx libdnnl-dev && ! apt-cache show libdnnl-dev >/dev/null 2>&1; then
  missing=("${missing[@]/libdnnl-dev/libonednn-dev}")
fi
"${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
bash "$(dirname "$0")/web.sh"
