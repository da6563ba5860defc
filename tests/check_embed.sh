#!/usr/bin/env bash
# examples/embed: the program for this machine by its CMake file, and the image for a Cortex-M4 and an M7 under QEMU, give the
# scores that `nacre run` gives. The bare ones are skipped without clang-19, lld-19 and qemu-system-arm.
# usage: check_embed.sh NACRE SOURCE_DIR
set -u
export LC_ALL=C
nacre=$(realpath "$1") source=$(realpath "$2")
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
passed=0 failed=0
check() { # name, condition's status
  if [ "$2" = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)) && echo "FAIL $1"; fi
}
"$nacre" train "$source/examples/embed/digits.ncr" -q -o digits.safetensors >/dev/null 2>err || { cat err; exit 1; }
# The picture as an image file, for the oracle.
{ printf 'P5\n28 28\n255\n'; sed -n '/picture\[28\]/,/};/p' "$source/examples/embed/main.c" | grep -o '"[ #]*"' | tr -d '"\n' |
  tr ' #' '\000\377'; } >seven.pgm
"$nacre" run "$source/examples/embed/digits.ncr" --weights digits.safetensors --image seven.pgm --scores --format json >run.json 2>err
check "nacre run" $?
cmake -S "$source/examples/embed" -B host -DNACRE="$nacre" -DWEIGHTS="$dir/digits.safetensors" >log 2>&1 &&
  cmake --build host >>log 2>&1
check "the CMake file" $? || cat log
host/embed >host.txt
check "the program runs" $?
python3 - <<'EOF'
import json, re
text = open('host.txt').read()
mine = [int(v) for v in re.search(r'scores(.*)', text)[1].split()]
header = open('host/digits.h').read()
scale = float.fromhex(re.search(r'OUTPUT_0_SCALE\s+(\S+)', header)[1]) if '0x' in re.search(r'OUTPUT_0_SCALE\s+(\S+)', header)[1] \
    else float(re.search(r'OUTPUT_0_SCALE\s+(\S+)', header)[1])
zero = int(re.search(r'OUTPUT_0_ZERO_POINT\s+\(?(-?\d+)', header)[1])
real = json.load(open('run.json'))['results'][0]['scores']
assert mine == [round(v / scale) + zero for v in real], (mine, real)
EOF
check "its scores are those of nacre run" $?
if command -v clang-19 >/dev/null && command -v ld.lld-19 >/dev/null && command -v qemu-system-arm >/dev/null; then
  port=$source/runtime/standalone/port
  for pair in cortex-m4:mps2-an386 cortex-m7:mps2-an500; do
    cpu=${pair%:*} board=${pair#*:}
    "$nacre" build "$source/examples/embed/digits.ncr" --weights digits.safetensors --kind obj --prefix digits \
      --target-triple thumbv7em-none-eabihf --cpu $cpu -o digits.o >/dev/null 2>err
    check "an object for $cpu" $?
    clang-19 --target=thumbv7em-none-eabihf -mcpu=$cpu -O2 -ffreestanding -nostdlib -static -fuse-ld=lld -DNACRE_BARE -I. -I"$port" \
      -Wl,-T,"$port/mps2.ld" "$source/examples/embed/main.c" "$port/cortex_m.c" "$port/memory.c" digits.o -o image 2>err
    check "an image for $board" $? || cat err
    timeout 60 qemu-system-arm -M $board -nographic -semihosting-config enable=on,target=native -kernel image >bare.txt 2>&1
    check "it runs" $?
    [ "$(head -n 1 bare.txt | tr -d '\r')" = "$(cat host.txt)" ]
    check "with the same scores" $?
    grep -qE '^stack [1-9][0-9]* bytes' bare.txt
    check "and tells its stack" $?
  done
else
  echo "the bare images are skipped: no clang-19, lld-19 or qemu-system-arm"
fi
echo "$passed passed, $failed failed"
[ $failed = 0 ]
