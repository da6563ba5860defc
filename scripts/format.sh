#!/usr/bin/env bash
# Formats the C sources with .clang-format (tables, grammar and generated code stay as they are). --check only tells.
set -euo pipefail
cd "$(dirname "$0")/.."
mode=-i
[ "${1:-}" = --check ] && mode="--dry-run -Werror"
# shellcheck disable=SC2086
git ls-files '*.c' '*.h' | xargs clang-format $mode
