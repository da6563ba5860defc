#!/usr/bin/env bash
# The rules of the house that a compiler does not check: include arrows, foreign headers, file length, no output of the library.
# usage: check_structure.sh NACRE SOURCE_DIR
. "$(dirname "$0")/lib.sh"
cd "$source" || exit 1

# folder: folders it may include from, besides itself and lang/base (docs/architecture.md).
declare -A may=(
  [lang/base]="" [lang]=""
  [compiler/ir]=""
  [compiler/sema]="lang compiler/ir compiler/space compiler/quant compiler/plan"
  [compiler/space]="lang compiler/ir"
  [compiler/mutate]="lang compiler/ir compiler/sema compiler/space compiler/quant"
  [compiler/hw]="compiler/ir compiler/quant compiler/plan"
  [compiler/fault]="compiler/ir compiler/quant compiler/plan"
  [compiler/quant]="compiler/ir"
  [compiler/plan]="compiler/ir compiler/quant"
  [compiler/analysis]="compiler/ir compiler/space compiler/quant compiler/plan compiler/hw compiler/fault"
  [compiler/codegen]="compiler/ir compiler/quant compiler/plan compiler/fault"
  [runtime/data]="compiler" [runtime/train]="compiler runtime/data"
  [runtime/inject]="compiler runtime/data" [runtime/calibrate]="compiler" [runtime/api]="lang compiler runtime include" [runtime/search]="compiler runtime"
  [runtime/standalone]="-"
  [tools/nacre]="lang compiler runtime include"
)
sources=$(git ls-files -- lang compiler runtime tools include 2>/dev/null | grep -E '\.(c|h|l|y)$')
[ -n "$sources" ] || sources=$(find lang compiler runtime tools include -name '*.[chly]')
for file in $sources; do
  dir=$(dirname "$file")
  while [ -z "${may[$dir]+x}" ] && [ "$dir" != . ]; do dir=$(dirname "$dir"); done
  [ "$dir" = . ] && continue
  while read -r inc; do
    from=$(dirname "$inc")
    ok=0
    case "$from/" in "$dir"/*) ok=1 ;; lang/base/*) [ "${may[$dir]}" != - ] && ok=1 ;; esac
    for allowed in ${may[$dir]}; do case "$from/" in "$allowed"/*) ok=1 ;; esac; done
    checks=$((checks + 1))
    [ $ok = 1 ] || fail "$file includes $inc, which is not to its left"
  done < <(grep -hoE '#include "(lang|compiler|runtime|tools)/[^"]+"' "$file" | cut -d'"' -f2)
done

# foreign header: the one folder or file that may include it
foreign() {
  local pattern=$1 where=$2
  checks=$((checks + 1))
  local hits
  hits=$(grep -lE "#include <($pattern)" $sources | grep -vE "^($where)" || true)
  [ -z "$hits" ] || fail "<$pattern> is included outside $where: $hits"
}
foreign 'llvm-c/' 'compiler/codegen/'
foreign '(oneapi/dnnl/)?dnnl' 'runtime/train/onednn'
foreign 'sqlite3' 'runtime/search/'
foreign 'mpi\.h' 'runtime/search/'
foreign 'xxhash' 'lang/base/hash\.c'
foreign 'zlib' 'runtime/data/'
foreign 'gmp' 'compiler/space/big\.c'

for file in $(git ls-files 2>/dev/null | grep -E '^(include|lang|compiler|runtime|tools|tests)/.*\.(c|h|l|y|def)$'); do
  checks=$((checks + 1))
  n=$(wc -l <"$file")
  [ "$n" -le 800 ] || fail "$file has $n lines; 800 is the limit"
done

# The library never prints, exits or reads the environment.
checks=$((checks + 1))
hits=$(grep -nE '\b(printf|puts|putchar|exit|getenv|setenv)\(' $(echo "$sources" | grep -E '^(lang|compiler|runtime)/.*\.c$' |
  grep -vE '^(lang/base/bug\.c|runtime/standalone/)') | grep -vE '\b(sn|vsn|f)printf\(' | grep -vE '^\S+\s*(//|\*)' || true)
[ -z "$hits" ] || fail "the library prints, exits or reads the environment:
$hits"

finish
