#!/usr/bin/env bash
# Instructions of one run of LeNet-5 on 32-bit RISC-V with and without a multiplier, format by format, counted by QEMU
# (-icount, the counter of retired instructions read around the run): the table of docs/choose-a-number-format.md.
# usage: count_rv32.sh [NACRE [FORMAT...]]   FORMAT: quantisations of examples/02-formats/lenet.ncr
set -eu
source=$(cd "$(dirname "$0")/.." && pwd)
nacre=$(realpath "${1:-$source/build/dev/nacre}")
formats=("${@:2}")
[ ${#formats[@]} -gt 0 ] || formats=(pow2x4 pow2x5 half4 linear_pow2x4 fixed8 fixed4 linear8)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
{ sed -n '/^net /,/^}/p;/^quant /p' "$source/examples/02-formats/lenet.ncr"
  echo 'quant linear_pow2x4 { weights: log2(bits: 4); activations: linear(bits: 8); }
data images = digits(seed: 1, train: 2000, test: 200);
train t { data: images.train; epochs: 1; optimizer: adam(lr: 2e-3); }'
} >lenet.ncr
cat >main.c <<'C'
#include "lenet.h"
#include "runtime/standalone/system.h"
static _Alignas(64) uint8_t arena[LENET_ARENA_BYTES];
static int8_t in[LENET_INPUT_0_BYTES], out[LENET_OUTPUT_0_BYTES];
static unsigned count(void)
{
    unsigned n;
    __asm__ volatile(".insn i 0x73, 2, %0, x0, -1278" : "=r"(n)); /* minstret */
    return n;
}
int main(void)
{
    const int8_t *ins[] = {in};
    int8_t *outs[] = {out};
    char text[12] = "\n";
    unsigned n;
    for (int i = 0; i < 784; i++) /* a bar with soft edges */
        in[i] = (int8_t)(i % 28 > 11 && i % 28 < 16 ? LENET_INPUT_0_ZERO_POINT + 90 : LENET_INPUT_0_ZERO_POINT + i % 3);
    lenet_init(arena, sizeof arena);
    n = count();
    lenet_run(arena, ins, outs);
    n = count() - n;
    for (int i = 0; i < 8; i++, n <<= 4)
        text[i] = "0123456789abcdef"[n >> 28];
    system_write(SYSTEM_OUT, text, 8);
    return 0;
}
C
"$nacre" train lenet.ncr -o w.st -q >log
s=$source/runtime/standalone
# format, processor, optimize, instructions, bytes
one() { # FORMAT CPU MARCH QEMU OPTIMIZE
  "$nacre" build lenet.ncr --quant "$1" --weights w.st --kind obj --prefix lenet --target-triple riscv32-unknown-elf \
    --cpu "$2" --optimize "$5" -o lenet.o 2>log || { cat log; return 1; }
  clang-19 --target=riscv32-unknown-elf -march="$3" -mabi=ilp32 -O1 -ffreestanding -nostdlib -static -fuse-ld=lld -I. -I"$source" \
    -L"$s/bare" -Wl,-T,virt.ld main.c "$s"/bare/{riscv32,semihosting,arithmetic}.c "$s/memory.c" lenet.o -o image
  printf '%s\t%s\t%s\t%d\t%s\n' "$1" "$2" "$5" \
    "0x$(qemu-system-riscv32 -M virt -cpu "$4" -icount shift=0 -bios none -nographic -semihosting-config enable=on,target=native \
      -kernel image)" "$(sed -n 's/.*, \(code [0-9]* bytes, constants [0-9]* bytes\).*/\1/p' log)"
}
for format in "${formats[@]}"; do
  for optimize in speed size; do
    one "$format" rv32i rv32i rv32,m=false $optimize
    one "$format" generic rv32imac rv32 $optimize
  done
done
