#!/usr/bin/env bash
# The programs and the sessions in docs/*.md, and the programs of examples/: a block that begins with ```nacre FILE is written to FILE and checked; with a
# code behind it (```nacre FILE N0405) checking it must report that code. A block ```session holds commands (`$ nacre …`) and
# exactly what they print; they run in the folder of the page's files.
# usage: check_docs.sh NACRE SOURCE_DIR
. "$(dirname "$0")/lib.sh"

# one session: lines of "$ command" and the output that follows each
session() {
  local page=$1 dir=$2 file=$3 command='' expected='' line
  run() {
    [ -n "$command" ] || return
    checks=$((checks + 1))
    local got
    got=$(cd "$dir" && PATH="$(dirname "$nacre"):$PATH" bash -c "$command" 2>&1)
    [ "$got" = "${expected%$'\n'}" ] || {
      fail "$page: \$ $command"
      diff <(printf '%s\n' "${expected%$'\n'}") <(printf '%s\n' "$got") | sed 's/^/    /' | head -40
    }
  }
  while IFS= read -r line; do
    case $line in
      '$ '*) run; command=${line#'$ '} expected='' ;;
      *) expected+=$line$'\n' ;;
    esac
  done <"$file"
  run
}

block() { # page, folder, words of the fence, file with its text
  local page=$1 dir=$2 file=$4
  read -r kind name code <<<"$3"
  case $kind in
    nacre)
      [ -n "$name" ] || return
      cp "$file" "$dir/$name"
      checks=$((checks + 1))
      out=$(cd "$dir" && "$nacre" check "$name" 2>&1)
      status=$?
      if [ -n "$code" ]; then
        { [ $status = 1 ] && grep -q "error\[$code\]" <<<"$out"; } || fail "$page: $name does not give $code: $out"
      else
        [ $status = 0 ] || fail "$page: $name does not check: $out"
      fi
      ;;
    session) session "$page" "$dir" "$file" ;;
  esac
}

for page in "$source"/docs/*.md; do
  dir=$work/$(basename "$page" .md)
  mkdir -p "$dir"
  fence='' n=0
  while IFS= read -r line; do
    if [ -z "$fence" ] && [[ $line == '```'* ]]; then
      fence=${line#'```'} fence=${fence:-text}
      : >"$work/block"
    elif [ -n "$fence" ] && [ "$line" = '```' ]; then
      block "$(basename "$page")" "$dir" "$fence" "$work/block"
      fence=''
    elif [ -n "$fence" ]; then
      printf '%s\n' "$line" >>"$work/block"
    fi
  done <"$page"
done
while IFS= read -r program; do
  checks=$((checks + 1))
  "$nacre" check -q "$program" >"$work/out" 2>&1 || fail "${program#"$source"/} does not check: $(cat "$work/out")"
done < <(find "$source/examples" -name '*.ncr' | sort)
finish
