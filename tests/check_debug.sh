#!/usr/bin/env bash
# Debug information of emitted objects: functions have the names of layers and the lines of the network's text; the code is the
# same with and without; every target takes it. Skipped without binutils.
# usage: check_debug.sh NACRE SOURCE_DIR
. "$(dirname "$0")/lib.sh"
command -v objdump >/dev/null && command -v objcopy >/dev/null || skip "no binutils"
cat >net.ncr <<'EOF'
import std.blocks
data drawn = digits(train: 60, test: 20);
train brief { data: drawn.train; epochs: 1; }
net small(x: tensor[1, 28, 28]) -> tensor[10] {
    x
        |> conv(4, kernel: 3)
        |> conv_bn_relu(4, kernel: 3)
        |> maxpool(2)
        |> flatten
        |> dense(10)
}
EOF
must "$nacre" train net.ncr -q -o w.safetensors
build() { "$nacre" build net.ncr --weights w.safetensors --kind obj -q "$@" 2>err || cat err; }
build -o plain.o && build --debug -o debug.o && build --debug -o again.o
cmp -s debug.o again.o
check "the same input, the same bytes" $?
objdump -h plain.o | grep -q debug
[ $? = 1 ]
check "none where none is asked for" $?
for o in plain debug; do objcopy -O binary --only-section=.text $o.o $o.text; done
[ -s plain.text ] && cmp -s plain.text debug.text
check "the code is the same" $?
objdump --dwarf=info debug.o >info
for layer in small/conv small/conv_bn_relu/conv_bn/conv small/maxpool small/dense; do
  grep -q "DW_AT_name .*: $layer\$" info
  check "a function for $layer" $?
done
grep -A1 'DW_AT_comp_dir\|DW_AT_name' info | grep -q 'net.ncr'
check "the file" $?
objdump --dwarf=decodedline debug.o | awk '$1 == "net.ncr" { print $2 }' | sort -un | tr '\n' ' ' >lines
for line in 4 6 7 8 10; do grep -qw "$line" lines; check "code of line $line" $?; done
grep -qwE '1|2|3|11' lines
[ $? = 1 ]
check "and of no line without layers ($(cat lines))" $?
for target in aarch64-linux-gnu riscv64-linux-gnu thumbv7em-none-eabihf; do
  build --debug --target-triple $target -o other.o && [ -s other.o ]
  check "for $target" $?
  rm -f other.o
done
"$nacre" emit --stage llvm net.ncr --weights w.safetensors --debug >ir && grep -q 'DISubprogram(name: "small/conv"' ir
check "in LLVM's text" $?
finish
