#!/usr/bin/env bash
# Programs for other machines, run under emulation: AArch64 and RISC-V under Linux, Cortex-M4, M7 and 32-bit RISC-V (with and without a
# multiplier) without a system. Every score equals the interpreter's. A machine whose tools are absent is left out, in words; with none of them the test
# is skipped.
# usage: check_cross.sh NACRE SOURCE_DIR
. "$(dirname "$0")/lib.sh"
has() { command -v "$1" >/dev/null; }
has clang-19 || has clang || skip "there is no clang"
has ld.lld || has ld.lld-19 || skip "there is no lld"
has qemu-aarch64 || has qemu-riscv64 || has qemu-system-arm || has qemu-system-riscv32 || skip "there is no QEMU"
head='data images = digits(seed: 3, train: 300, test: 20);
train quick { data: images.train; epochs: 1; optimizer: adam(lr: 2e-3); }
quant linear8 { weights: linear(bits: 8, per: channel); activations: linear(bits: 8); }
quant fixed8 { weights: fixed(bits: 8); activations: fixed(bits: 8); }
quant pow2x4 { weights: log2(bits: 4); activations: fixed(bits: 8); }
quant pow2x5 { weights: log2(bits: 5); activations: fixed(bits: 8); }
quant half4 { weights: log2(bits: 4, base: sqrt2); activations: fixed(bits: 8); }'
cat >plain.ncr <<NCR
net plain(x: tensor[1, 28, 28]) -> tensor[10] {
    x |> conv(6, kernel: 5, stride: 2) >> relu >> maxpool(2) |> flatten >> dense(20) >> sigmoid >> dense(10)
}
$head
NCR
cat >deep.ncr <<NCR
net deep(x: tensor[1, 28, 28]) -> tensor[10] {
    x |> conv(8, kernel: 3, stride: 2, pad: same) >> relu |> dwconv(kernel: 3, pad: same) >> relu >> conv(19, kernel: 1)
      |> avgpool(2) >> relu >> conv(12, kernel: 3, dilation: 2) |> flatten >> dense(10) >> softmax
}
$head
NCR
# Pictures: a digit-like bar and two of noise from a fixed sequence.
for i in 0 1 2; do
  { printf 'P5\n28 28\n255\n'
    printf "$(awk -v k=$i 'BEGIN { s = k * 79 + 1
      for (i = 0; i < 784; i++) { s = (s * 75 + 74) % 65537; printf "\\%03o", (k ? s % 256 : (i % 28 == 14 ? 240 : 0)) } }')"
  } >p$i.pgm
done
# The interpreter's real scores, and the integers that a program prints times scale: equal to nine digits.
quant=linear8
oracle() { for i in 0 1 2; do "$nacre" run --interpreter $1.ncr --quant $quant --weights $1.st --image p$i.pgm --format csv | tail -n 1 | cut -d, -f3- | tr , '\n'; done; }
scores() { # of a program's --info and --bytes
  awk '/^output/ { n = split($0, f, " "); for (i = 1; i <= n; i++) if (f[i] == "=") scale = f[i + 1]; zero = $n; sub(/\)/, "", zero) }
    / bytes / && /class/ { sub(/.*bytes /, ""); n = split($0, q, " "); for (i = 1; i <= n; i++) printf "%.12g\n", scale * (q[i] - zero) }'
}
agrees() { # NAME: the program's output is in out
  [ "$(wc -l <$1.oracle)" -eq 30 ] || { echo "no oracle"; return 1; }
  tr -d '\r' <out | scores | paste $1.oracle - | awk 'NF != 2 || ($1 - $2) ^ 2 > 1e-14 { bad = 1; print } END { exit bad || NR != 30 }'
}
qemu_board() { # EMULATOR BOARD IMAGE ARGUMENT…
  local emulator=$1 board=$2 image=$3 list=enable=on,target=native,arg=network
  shift 3
  for a in "$@"; do list=$list,arg=$a; done
  case $board in virt*) board="$board -bios none" ;; esac
  timeout 60 "$emulator" -M $board -nographic -monitor none -serial none -semihosting-config "$list" -kernel "$image"
}
for net in plain deep; do
  ok "train $net" "$nacre" train $net.ncr --output $net.st --threads 1
  oracle $net >$net.oracle
done
try() { # NET NAME RUNNER TRIPLE CPU
  local net=$1 name=$2 runner=$3 cpu=()
  [ -n "$5" ] && cpu=(--cpu "$5")
  local kind=(--target-triple "$4")
  [ -z "$4" ] && kind=()
  ok "$net for $name" "$nacre" build $net.ncr --quant $quant --weights $net.st "${kind[@]}" "${cpu[@]}" --output prog
  stated=$(sed -n 's/.*, stack \([0-9]*\) bytes.*/\1/p' log)
  ok "$net runs on $name" bash -c "$(declare -f qemu_board); $runner ./prog --info --bytes --stack p0.pgm p1.pgm p2.pgm >out"
  ok "$net on $name equals the interpreter" agrees $net
  ok "$net on $name is static" bash -c "! readelf -lW prog | grep -q INTERP"
  ok "$net on $name: its description has the stack stated" grep -qE "^needs  *$stated bytes of stack" out
  used=$(tr -d '\r' <out | sed -n 's/^stack  *\([0-9]*\) bytes$/\1/p')
  ok "$net on $name: stack $used within the stated $stated" [ "${used:-0}" -gt 0 -a "${used:-0}" -le "${stated:-0}" ]
}
for emulator in qemu-aarch64 qemu-riscv64 qemu-system-arm qemu-system-riscv32; do
  has $emulator || echo "the programs for $emulator are skipped: it is not there"
done
for net in plain deep; do
  try $net "this machine" "" "" ""
  has qemu-aarch64 && try $net AArch64 qemu-aarch64 aarch64-linux-gnu "" && try $net "AArch64 with dotprod" qemu-aarch64 aarch64-linux-gnu cortex-a76
  has qemu-riscv64 && try $net RISC-V qemu-riscv64 riscv64-linux-gnu ""
  if has qemu-system-arm; then
    try $net Cortex-M4 "qemu_board qemu-system-arm mps2-an386" thumbv7em-none-eabi cortex-m4
    try $net Cortex-M7 "qemu_board qemu-system-arm mps2-an500" thumbv7em-none-eabi cortex-m7
  fi
  if has qemu-system-riscv32; then
    try $net "32-bit RISC-V" "qemu_board qemu-system-riscv32 virt" riscv32-unknown-elf ""
    try $net "RISC-V without a multiplier" "qemu_board qemu-system-riscv32 'virt -cpu rv32,m=false'" riscv32-unknown-elf rv32i
  fi
done
# Without a multiplier: the other formats, and what happens to code that wants one.
if has qemu-system-riscv32; then
  for quant in fixed8 pow2x4 pow2x5 half4; do
    oracle plain >plain.oracle
    try plain "RISC-V without a multiplier, $quant" "qemu_board qemu-system-riscv32 'virt -cpu rv32,m=false'" riscv32-unknown-elf rv32ic
  done
  quant=linear8
  oracle plain >plain.oracle
  ok "plain for 32-bit RISC-V" "$nacre" build plain.ncr --weights plain.st --target-triple riscv32-unknown-elf --output prog
  checks=$((checks + 1))
  qemu_board qemu-system-riscv32 "virt -cpu rv32,m=false" ./prog --bytes p0.pgm >out 2>&1 &&
    { echo "FAIL: a processor without a multiplier multiplied"; fails=$((fails + 1)); }
fi
[ "$(uname -m)" = x86_64 ] && try plain x86-64 "" x86_64-linux-gnu x86-64
# The instructions that each family is made for are in the code, and its name in the description.
family() { # TRIPLE CPU INSTRUCTION NAME
  ok "$2 has $3" bash -c "'$nacre' emit --stage asm deep.ncr --weights deep.st --target-triple $1 --cpu $2 --output asm && grep -q '[[:space:]]$3[[:space:]]' asm"
  ok "$2 is $4" bash -c "'$nacre' emit --stage llvm deep.ncr --weights deep.st --target-triple $1 --cpu $2 --output ll && grep -qF '\\00$4\\00' ll"
}
family aarch64-linux-gnu cortex-a76 sdot aarch64_dotprod
family aarch64-linux-gnu cortex-a53 smull aarch64_neon
family thumbv7em-none-eabihf cortex-m4 smlad armv7em_dsp
family thumbv7em-none-eabihf cortex-m7 sxtb16 armv7em_dsp
family riscv64-linux-gnu generic mul[w]* generic
family riscv32-unknown-elf sifive-e31 mulh generic
family riscv32-unknown-elf rv32i srl shifts
# Products with log2 weights are shifts alone: neither an instruction nor the table of squares.
ok "log2 needs no product" bash -c "'$nacre' emit --stage asm plain.ncr --quant pow2x4 --weights plain.st --target-triple riscv32-unknown-elf \
  --cpu rv32i --output asm && ! grep -qE '[[:space:]](mul|div|rem)[a-z]*[[:space:]]|squares|product_high' asm"
expect 2 'programs are made for .* not for `thumbv7em-none-eabi` with cortex-m3: build --kind obj' \
  "$nacre" build plain.ncr --weights plain.st --target-triple thumbv7em-none-eabi --cpu cortex-m3 -o x
expect 2 'not for `riscv32-linux-gnu`: build --kind obj' "$nacre" build plain.ncr --weights plain.st --target-triple riscv32-linux-gnu -o x
[ -e x ] && fail "a refused build left a file"
finish
