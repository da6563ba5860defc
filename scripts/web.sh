#!/usr/bin/env bash
# Fetches the plotting library of HTML reports into build/web: Observable Plot and the D3 it stands on (both ISC licence).
# Pinned by version and by the hash of each file. Without npm, or without a network, nothing is fetched and the build goes on:
# `nacre report --format html` then says what is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=build/web
files="plot.umd.min.js 4358086467740777dd788d6b27a95cebdbaefdd50c730a3060117073bd7134cb @observablehq/plot@0.6.17
d3.min.js 912111098ea99503a6f4967361d2bbdc9dbf58cf9c678c8e27e5b02d1a07f0c1 d3@7.9.2"
matches() { [ "$(sha256sum "$dir/$1" 2>/dev/null | cut -d' ' -f1)" = "$2" ]; }
while read -r file hash package; do
  matches "$file" "$hash" && continue
  command -v npm >/dev/null || { echo "web: no npm: HTML reports are left out of this build" >&2; exit 0; }
  mkdir -p "$dir"
  work=$(mktemp -d)
  if (cd "$work" && npm pack --silent "$package" >/dev/null 2>&1 && tar xzf ./*.tgz) &&
    cp "$work/package/dist/$file" "$dir/$file" && matches "$file" "$hash"; then
    echo "web: $package"
  else
    rm -f "$dir/$file"
    echo "web: $package could not be fetched, or is not what it was: HTML reports are left out of this build" >&2
  fi
  rm -rf "$work"
done <<<"$files"
