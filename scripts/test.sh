#!/usr/bin/env bash
# Sets up, builds and runs all tests. PRESET=asan runs them under the sanitizers.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${PRESET:-dev}
bash scripts/setup.sh
cmake --preset "$preset" >build-configure.log 2>&1 || { cat build-configure.log >&2; rm -f build-configure.log; exit 1; }
rm -f build-configure.log
cmake --build --preset "$preset" -- --quiet
ctest --preset "$preset" --output-on-failure
