#!/usr/bin/env bash
# Golden tests: every file below tests/golden and tests/reject holds its command and what it must print.
# usage: check_golden.sh NACRE SOURCE_DIR [--update] [-v] [PATTERN…]
#   --update  rewrite the expectations with what is printed now (read the difference before committing it)
#   -v        name every case
#   PATTERN   only files whose path below tests/ contains one of these
#
# A case is a file *.ncr (a program, as a rule the one that is checked) or *.test (commands only). Lines that begin
# with `//!` direct, wherever they stand; the compiler takes them for comments. Files without them are no cases, but may
# be what a case reads.
#
#   //! run: nacre check %s          a command in bash, in the folder of the file. `nacre` is the one under test,
#                                    %s the file's name, %d a folder of its own that is empty at first, %t the stem of files there, %S the source folder.
#   //! exit: 1                      status that is expected; 0 where the line is missing
#   //! stderr:                      what is expected there: the `//|` lines that follow, all and exactly
#   //| text                         one line, after one blank; `//|` alone is an empty line
#   //! stdout: contains             each `//|` line occurs somewhere in it, in this order
#   //! stdout: any                  not looked at
#
# A stream that is not named must be empty. Line ends at the very end of a stream do not count. A file may hold several
# `run` lines, each with its own expectations after it; they run in turn and share that folder.
set -u
export LC_ALL=C
NACRE=$(realpath "$1") SOURCE=$(realpath "$2")
shift 2
update=0 verbose=0 patterns=()
for arg; do
  case $arg in
    --update) update=1 ;;
    -v) verbose=1 ;;
    *) patterns+=("$arg") ;;
  esac
done
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
nacre() { "$NACRE" "$@"; }

passed=0 failed=0 why=""

# Reads the file into parallel arrays: one entry a `run` line; `body` keeps everything else and where the runs stood.
read_case() {
  local line lines section="" how n=-1
  runs=() exits=() stdout_mode=() stderr_mode=() stdout_want=() stderr_want=() body=()
  mapfile -t lines <"$1" 2>/dev/null
  for line in "${lines[@]}"; do
    case $line in
      '//! run: '*)
        n=$((n + 1))
        runs[n]=${line#'//! run: '} exits[n]=0 section=""
        stdout_mode[n]=exact stderr_mode[n]=exact stdout_want[n]="" stderr_want[n]=""
        body+=("R$n")
        ;;
      '//!'* | '//|'*)
        if [ $n -lt 0 ]; then why+="    before the first \`run\`: $line"$'\n' && continue; fi
        case $line in
          '//! exit: '*) exits[n]=${line#'//! exit: '} ;;
          '//! stdout:'* | '//! stderr:'*)
            section=${line#'//! '}
            how=${section#*:} section=${section%%:*}
            how=${how# }
            case ${how:-exact} in exact | any | contains) ;; *) why+="    unknown: $line"$'\n' ;; esac
            declare -g "${section}_mode[$n]=${how:-exact}"
            ;;
          '//|'*)
            [ -n "$section" ] || why+="    no stream is named before: $line"$'\n'
            line=${line#'//|'}
            [ "$section" = stdout ] && stdout_want[n]+=${line# }$'\n'
            [ "$section" = stderr ] && stderr_want[n]+=${line# }$'\n'
            ;;
          *) why+="    unknown: $line"$'\n' ;;
        esac
        ;;
      *) body+=("L$line") ;;
    esac
  done
}

# Compares what a stream ($1) gave ($2) with what was wanted ($4) in the given mode ($3).
compare() {
  local want=$4 rest=$2 line
  while [[ $want == *$'\n' ]]; do want=${want%$'\n'}; done
  case $3 in
    any) ;;
    contains)
      while IFS= read -r line; do
        case $rest in
          *"$line"*) rest=${rest#*"$line"} ;;
          *) why+="    $1 lacks: $line"$'\n' && return ;;
        esac
      done <<<"$want"
      ;;
    *)
      [ "$2" = "$want" ] && return
      why+="    $1 ('-' expected, '+' found):"$'\n'
      why+=$(diff -u <(printf '%s\n' "$want") <(printf '%s\n' "$2") | tail -n +3 | sed 's/^/    /')$'\n'
      ;;
  esac
}

# The section of a stream for --update; `any` and `contains` are the author's choice and stay as they are.
section() {
  local text=$2 line
  while [[ $text == *$'\n' ]]; do text=${text%$'\n'}; done
  case $3 in
    any) printf '//! %s: any\n' "$1" && return ;;
    contains)
      text=${4%$'\n'}
      printf '//! %s: contains\n' "$1"
      ;;
    *)
      [ -n "$text" ] || return
      printf '//! %s:\n' "$1"
      ;;
  esac
  while IFS= read -r line; do printf '//|%s\n' "${line:+ $line}"; done <<<"$text"
}

run_case() {
  local file=$1 base=${1##*/} i command out err status
  why=""
  cd "$SOURCE/tests/${file%/*}" || exit 1
  read_case "$base"
  [ ${#runs[@]} -gt 0 ] || [ -n "$why" ] || return
  [ $verbose = 1 ] && echo "$file"
  rm -rf "$scratch/d" && mkdir "$scratch/d"
  local blocks=()
  for i in "${!runs[@]}"; do
    command=${runs[i]//%s/$base}
    command=${command//%d/$scratch/d}
    command=${command//%t/$scratch/d/t}
    command=${command//%S/$SOURCE}
    (eval "$command") >"$scratch/stdout" 2>"$scratch/stderr" </dev/null
    status=$?
    { out=$(<"$scratch/stdout") err=$(<"$scratch/stderr"); } 2>/dev/null
    out=${out//"$scratch/d"/%d} err=${err//"$scratch/d"/%d}
    if [ $update = 1 ]; then
      blocks[i]=$(
        printf '//! run: %s\n' "${runs[i]}"
        [ $status = 0 ] || printf '//! exit: %s\n' $status
        section stdout "$out" "${stdout_mode[i]}" "${stdout_want[i]}"
        section stderr "$err" "${stderr_mode[i]}" "${stderr_want[i]}"
      )
      continue
    fi
    local before=$why
    [ $status = "${exits[i]}" ] || why+="    exit status $status, expected ${exits[i]}"$'\n'
    compare stdout "$out" "${stdout_mode[i]}" "${stdout_want[i]}"
    compare stderr "$err" "${stderr_mode[i]}" "${stderr_want[i]}"
    [ "$why" = "$before" ] || why="$before  $ ${runs[i]}"$'\n'"${why#"$before"}"
  done
  if [ -n "$why" ]; then
    failed=$((failed + 1))
    printf 'FAIL tests/%s\n%s' "$file" "$why"
  else
    passed=$((passed + 1))
    [ $update = 0 ] || for line in "${body[@]}"; do
      case $line in R*) printf '%s\n' "${blocks[${line#R}]}" ;; *) printf '%s\n' "${line#L}" ;; esac
    done >"$scratch/new"
    [ $update = 0 ] || cmp -s "$scratch/new" "$base" || { cat "$scratch/new" >"$base" && echo "updated tests/$file"; }
  fi
}

mapfile -t files < <(cd "$SOURCE/tests" && find golden reject -type f \( -name '*.ncr' -o -name '*.test' \) | sort)
for file in "${files[@]}"; do
  chosen=$((${#patterns[@]} == 0))
  for pattern in "${patterns[@]}"; do [[ $file == *"$pattern"* ]] && chosen=1; done
  [ $chosen = 0 ] || run_case "$file"
done
echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed -gt 0 ]
