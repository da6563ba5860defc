# What the scripts tests/check_*.sh share. They are called with NACRE SOURCE_DIR and source this file, which names both by
# absolute paths and goes to an empty folder that is removed at the end.
# shellcheck shell=bash disable=SC2034
set -u
export LC_ALL=C.UTF-8
nacre=$(realpath "$1") source=$(realpath "$2")
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
checks=0 fails=0

fail() {
  echo "FAIL: $*"
  fails=$((fails + 1))
}
skip() {
  echo "skipped: $*"
  exit 77
}
# check WHAT STATUS: the status of the condition before
check() {
  checks=$((checks + 1))
  [ "$2" = 0 ] || { fail "$1"; return 1; }
}
# ok WHAT COMMAND…: it succeeds; what it printed is in the file log
ok() {
  local what=$1
  shift
  checks=$((checks + 1))
  "$@" >log 2>&1 || { fail "$what"; tail -n 30 log; return 1; }
}
# must COMMAND…: what the rest cannot do without
must() { "$@" >log 2>&1 || { echo "FAIL: $*"; cat log; exit 1; }; }
# expect CODE PATTERN COMMAND…: the exit code, and an extended regular expression found in stdout or stderr
expect() {
  local code=$1 pattern=$2 out got
  shift 2
  out=$("$@" 2>&1 </dev/null)
  got=$?
  checks=$((checks + 1))
  if [ $got -ne "$code" ] || ! grep -qE -- "$pattern" <<<"$out"; then
    fail "$* gave exit $got (expected $code), output without /$pattern/:"
    head -n 20 <<<"$out"
  fi
}
# same FILE FILE [WHAT IS WRONG OTHERWISE]
same() {
  checks=$((checks + 1))
  diff "$1" "$2" || fail "${3:-$1 and $2 differ}"
}
# finish: the last line of a script
finish() {
  echo "$((checks - fails)) passed, $fails failed"
  [ $checks -gt 0 ] && [ $fails -eq 0 ]
  exit
}

# tiny_weights BYTES: w.safetensors for the net `tiny` of the tests of faults, out of 690 floats as `printf` takes bytes
tiny_weights() {
  local head='{"tiny/conv.weight":{"dtype":"F32","shape":[4,1,3,3],"data_offsets":[0,144]},"tiny/conv.bias":{"dtype":"F32","shape":[4],"data_offsets":[144,160]},"tiny/dense.weight":{"dtype":"F32","shape":[10,64],"data_offsets":[160,2720]},"tiny/dense.bias":{"dtype":"F32","shape":[10],"data_offsets":[2720,2760]}}'
  while [ $((${#head} % 8)) -ne 0 ]; do head+=' '; done
  { printf "\\x$(printf %x $((${#head} % 256)))\\x$(printf %x $((${#head} / 256)))\\0\\0\\0\\0\\0\\0"; printf %s "$head"; printf "$1"; } >w.safetensors
}
