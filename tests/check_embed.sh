#!/usr/bin/env bash
# examples/embed: the program for this machine by its CMake file, and the images for a Cortex-M4, an M7 and a 32-bit RISC-V under
# QEMU, give the scores that `nacre run` gives, within the stack that the header states. A bare one is skipped without clang-19,
# lld-19 and its emulator.
# usage: check_embed.sh NACRE SOURCE_DIR
. "$(dirname "$0")/lib.sh"
must "$nacre" train "$source/examples/embed/digits.ncr" -q -o digits.safetensors
# The picture as an image file, for the oracle.
{ printf 'P5\n28 28\n255\n'; sed -n '/picture\[28\]/,/};/p' "$source/examples/embed/main.c" | grep -o '"[ #]*"' | tr -d '"\n' |
  tr ' #' '\000\377'; } >seven.pgm
"$nacre" run "$source/examples/embed/digits.ncr" --weights digits.safetensors --image seven.pgm --scores --format json >run.json 2>err
check "nacre run" $?
cmake -S "$source/examples/embed" -B host -DNACRE="$nacre" -DWEIGHTS="$work/digits.safetensors" >log 2>&1 &&
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
standalone=$source/runtime/standalone bare=$source/runtime/standalone/bare
image() { # TRIPLE CPU START SCRIPT FLAGS EMULATOR…
  local triple=$1 cpu=$2 start=$3 script=$4 flags=$5 stated
  shift 5
  command -v clang-19 >/dev/null && command -v ld.lld-19 >/dev/null && command -v "$1" >/dev/null || {
    echo "the image for $cpu is skipped: no clang-19, lld-19 or $1"
    return
  }
  "$nacre" build "$source/examples/embed/digits.ncr" --weights digits.safetensors --kind obj --prefix digits \
    --target-triple "$triple" --cpu "$cpu" -o digits.o >/dev/null 2>err
  check "an object for $cpu" $?
  stated=$(sed -n 's/^#define DIGITS_STACK_BYTES //p' digits.h)
  # shellcheck disable=SC2086
  clang-19 --target="$triple" $flags -O2 -ffreestanding -nostdlib -static -fuse-ld=lld -Wall -Wextra -Werror -DNACRE_BARE -I. -I"$source" \
    -L"$bare" -Wl,-T,"$script" "$source/examples/embed/main.c" "$bare/$start" "$bare/semihosting.c" "$standalone/memory.c" digits.o \
    -o image 2>err
  check "an image for $cpu" $? || cat err
  timeout 60 "$@" -nographic -semihosting-config enable=on,target=native -kernel image >bare.txt 2>&1
  check "it runs on $cpu" $?
  [ "$(head -n 1 bare.txt | tr -d '\r')" = "$(cat host.txt)" ]
  check "with the same scores on $cpu" $?
  used=$(tr -d '\r' <bare.txt | sed -n 's/^stack \([1-9][0-9]*\) bytes$/\1/p')
  [ "${used:-0}" -gt 0 ] && [ "${used:-0}" -le "${stated:-0}" ]
  check "and $used bytes of stack on $cpu, of $stated stated" $?
}
image thumbv7em-none-eabihf cortex-m4 cortex_m.c mps2.ld -mcpu=cortex-m4 qemu-system-arm -M mps2-an386
image thumbv7em-none-eabihf cortex-m7 cortex_m.c mps2.ld -mcpu=cortex-m7 qemu-system-arm -M mps2-an500
image riscv32-unknown-elf generic riscv32.c virt.ld "-march=rv32imac -mabi=ilp32" qemu-system-riscv32 -M virt -bios none
image riscv32-unknown-elf rv32i riscv32.c virt.ld "-march=rv32i -mabi=ilp32 $source/runtime/standalone/bare/arithmetic.c" \
  qemu-system-riscv32 -M virt -cpu rv32,m=false -bios none
finish
