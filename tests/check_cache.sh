#!/usr/bin/env bash
# The cache of compiled code: the second run takes from it and gives the same; broken files, other processors' code, several
# processes and folders that cannot be written do no harm.
# usage: check_cache.sh NACRE SOURCE_DIR
. "$(dirname "$0")/lib.sh"
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cat >net.ncr <<'EOF'
data drawn = digits(train: 60, test: 20);
train brief { data: drawn.train; epochs: 1; }
net small(x: tensor[1, 28, 28]) -> tensor[10] { x |> conv(4, kernel: 3) |> relu |> maxpool(2) |> flatten |> dense(10) }
EOF
export XDG_CACHE_HOME=$work/cache
must "$nacre" train net.ncr -q -o w.safetensors
scores() { "$nacre" run net.ncr --weights w.safetensors --scores --format csv "$@" 2>err; }
from() { "$nacre" run net.ncr --weights w.safetensors --format json "$@" 2>err | grep -o '"compiled": "[a-z]*"'; }
scores --no-cache >want
check "without a cache" $?
[ ! -e cache ]
check "nothing is kept then" $?
scores >first && [ "$(ls cache/nacre | wc -l)" = 1 ]
check "one file for one network" $?
[ "$(from)" = '"compiled": "before"' ] && [ "$(from --no-cache)" = '"compiled": "now"' ]
check "the second run says where its code is from" $?
scores >second
cmp -s want first && cmp -s want second
check "the same scores" $?
file=cache/nacre/$(ls cache/nacre)
for change in 'truncate -s 100' 'truncate -s 0' 'truncate -s 10' 'dd status=none conv=notrunc bs=1 seek=900 count=3 if=/dev/zero of='; do
  case $change in dd*) ${change}"$file" ;; *) $change "$file" ;; esac
  scores >broken && cmp -s want broken
  check "a file that was changed by '$change'" $?
  [ "$(from)" = '"compiled": "before"' ]
  check "is written anew" $?
done
sed 's/conv(4/conv(5/' net.ncr >other.ncr
"$nacre" train other.ncr -q -o o.safetensors >/dev/null 2>&1
"$nacre" run other.ncr --weights o.safetensors --limit 1 >/dev/null 2>&1
[ "$(ls cache/nacre | wc -l)" = 2 ]
check "another network has another key" $?
rm -rf cache
for i in 1 2 3 4; do scores >"par$i" & done
wait
for i in 1 2 3 4; do cmp -s want "par$i"; check "process $i of four" $?; done
[ "$(from)" = '"compiled": "before"' ]
check "they leave one good file" $?
for mode in g+w o+w; do
  chmod $mode cache/nacre
  scores >open && cmp -s want open && [ "$(from)" = '"compiled": "now"' ]
  check "a folder that others can write to ($mode) is left alone" $?
  chmod go-w cache/nacre
done
if [ "$(id -u)" != 0 ]; then
  chmod a-w cache/nacre
  rm -f cache/nacre/* 2>/dev/null
  scores >locked && cmp -s want locked
  check "a folder that cannot be written" $?
fi
XDG_CACHE_HOME=/proc/none scores >nowhere && cmp -s want nowhere
check "no folder at all" $?
finish
