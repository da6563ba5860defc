#!/usr/bin/env bash
# nacre build as a user meets it: a program that classifies as `nacre run` does, a library that links into C and C++, an
# object for another machine, nothing undefined in any of them, and refusals.
# usage: check_build.sh NACRE SOURCE_DIR
. "$(dirname "$0")/lib.sh"
cat >net.ncr <<'NCR'
net small(x: tensor[1, 28, 28]) -> tensor[10] {
    x |> conv(4, kernel: 3, stride: 2) >> relu >> maxpool(2) |> flatten >> dense(10)
}
data images = digits(seed: 3, train: 600, test: 40);
train quick { data: images.train; epochs: 1; optimizer: adam(lr: 2e-3); }
NCR
ok "train" "$nacre" train net.ncr --output w.safetensors --threads 1
ok "a program" "$nacre" build net.ncr --weights w.safetensors --output prog
ok "its description" bash -c './prog --info | grep -q "^arena  *[0-9]* bytes"'
arena=$(./prog --info | sed -n 's/^arena *\([0-9]*\) bytes.*/\1/p')
ok "arena as reported" bash -c "'$nacre' report net.ncr --format json | grep -q '\"arena_bytes\": $arena\b'"
# One image of one grey: as a PGM and as raw bytes the program and `nacre run` agree on it.
{ printf 'P5\n28 28\n255\n'; head -c 784 /dev/zero | tr '\0' '\123'; } >grey.pgm
head -c 784 /dev/zero | tr '\0' '\123' >grey.raw
mine=$(./prog grey.pgm | grep -oE '[0-9]+' | head -n 3 | tr '\n' ' ')
ok "raw bytes and PGM give one answer" bash -c "diff <(./prog grey.pgm | sed 's/grey.pgm//') <(./prog grey.raw | sed 's/grey.raw//')"
ok "the answer has a class: $mine" test -n "$mine"
expect 3 'cannot|No such' ./prog missing.pgm
head -c 100 grey.pgm >short.pgm
expect 3 '.' ./prog short.pgm
expect 0 '^[1-9][0-9]* images/s, [0-9]+\.[0-9][0-9] us an image, one thread$' ./prog --bench
if [ -c /dev/full ]; then
  expect 3 'cannot write the output' bash -c './prog --help >/dev/full'
  expect 3 'cannot write the output' bash -c './prog grey.pgm >/dev/full'
fi
# Files with a header whose length is that of raw images, too: the header decides where it fits the file.
mkdir four
pixels() { head -c $((16 * $1)) grey.raw | tr '\123' "\\$2"; }
idx() { printf "\\0\\0\\10\\3\\0\\0\\0\\$(printf %o "$1")\\0\\0\\0\\4\\0\\0\\0\\4" && pixels "$1" 40; }
idx 10 >four/train-images-idx3-ubyte
printf '\0\0\10\1\0\0\0\12\0\1\2\3\4\5\6\7\10\11' | tee four/train-labels-idx1-ubyte >four/t10k-labels-idx1-ubyte
cp four/train-images-idx3-ubyte four/t10k-images-idx3-ubyte
cat >four.ncr <<'NCR'
net four(x: tensor[1, 4, 4]) -> tensor[10] { x |> flatten >> dense(10) }
data d = mnist("four");
train quick { data: d.train; epochs: 1; }
NCR
ok "train on images of 4x4" "$nacre" train four.ncr --output four.st
ok "their program" "$nacre" build four.ncr --weights four.st --output prog4
{ printf 'P5\n#abc\n4 4\n255\n'; pixels 1 40; } >four.pgm
{ printf 'P5 raw'; pixels 2 40; } | head -c 32 >raw.two
lines() { [ "$(./prog4 "$2" | wc -l)" -eq "$1" ]; }
ok "ten images of an IDX file" lines 10 four/t10k-images-idx3-ubyte
ok "one of a PGM file" lines 1 four.pgm
ok "two of raw bytes that begin like a PGM file" lines 2 raw.two
ok "all pixels of the PGM file" [ "$(./prog4 four.pgm | sed 's/.*://')" = "$(./prog4 four/t10k-images-idx3-ubyte | sed -n '$s/.*://p')" ]

ok "a library" "$nacre" build net.ncr --weights w.safetensors --kind lib --prefix tiny --output libtiny.a
stack=$(sed -n 's/.*, stack \([0-9]*\) bytes.*/\1/p' log)
cat >use.c <<'C'
#include "libtiny.h"
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    static int8_t in[TINY_INPUT_0_BYTES], a[TINY_OUTPUT_0_BYTES], b[TINY_OUTPUT_0_BYTES];
    const int8_t *ins[1] = {in};
    int8_t *first[1] = {a}, *second[1] = {b};
    void *arena = aligned_alloc(TINY_ARENA_ALIGN, (TINY_ARENA_BYTES + TINY_ARENA_ALIGN - 1) / TINY_ARENA_ALIGN * TINY_ARENA_ALIGN);
    void *other = aligned_alloc(TINY_ARENA_ALIGN, (TINY_ARENA_BYTES + TINY_ARENA_ALIGN - 1) / TINY_ARENA_ALIGN * TINY_ARENA_ALIGN);
    if (tiny_init(arena, TINY_ARENA_BYTES - 1) == 0) return 1; /* too small is refused */
    if (tiny_init((char *)arena + 1, TINY_ARENA_BYTES) == 0) return 2; /* and misaligned */
    if (tiny_init(arena, TINY_ARENA_BYTES) || tiny_init(other, TINY_ARENA_BYTES)) return 3;
    tiny_run(arena, ins, first);
    tiny_run(other, ins, second);
    for (int i = 0; i < TINY_OUTPUT_0_BYTES; i++)
        if (a[i] != b[i]) return 4; /* instances do not know of each other */
    if (tiny_info()->stack_bytes != TINY_STACK_BYTES) return 5;
    printf("%s %d %d\n", nacre_text(tiny_info(), tiny_info()->name), a[0], (int)tiny_info()->stack_bytes);
    return 0;
}
C
ok "links into C" cc -std=c11 -Wall -Wextra -Werror -o use_c use.c libtiny.a
ok "runs" ./use_c
ok "states the stack that nacre build printed: ${stack:-none}" [ "$(./use_c | cut -d' ' -f3)" = "${stack:-none}" ]
ok "the header states the stack" grep -qE '^#define TINY_STACK_BYTES [1-9][0-9]*$' libtiny.h
sed 's/const int8_t \*ins/const int8_t *ins/' use.c >use.cpp
command -v c++ >/dev/null && ok "the header is C++" c++ -fsyntax-only -Wall -Wextra -x c++ use.cpp
ok "an object" "$nacre" build net.ncr --weights w.safetensors --kind obj --output net.o
said=$("$nacre" build net.ncr --weights w.safetensors --kind obj --output said.o 2>&1)
sections() { size -A said.o | awk -v re="$1" '$1 ~ re { n += $2 } END { print n + 0 }'; }
ok "states the bytes of its code" bash -c "[[ '$said' == *'code $(sections '^\.text') bytes'* ]]"
ok "and of its constants" bash -c "[[ '$said' == *'constants $(sections '^\.(rodata|data)') bytes'* ]]"
ok "nothing undefined in it" bash -c '! nm -u net.o | grep -q .'
ok "no writable data" bash -c '! nm net.o | grep -qE " [bBdD] "'
# Only text, constants, and on x86 frames for debuggers are loaded; constants hold no addresses that a linker or loader fills in.
constant() { ! readelf -SW "$1" | sed 's/.*\] //' | awk '$7 ~ /W/ || /^\.rela?\.(rodata|data)/ { print; bad = 1 } END { exit !bad }'; }
ok "no writable section" constant net.o
ok "nor with debug information" bash -c "'$nacre' build net.ncr --weights w.safetensors --kind obj --debug --output debug.o && $(declare -f constant) && constant debug.o"
if command -v valgrind >/dev/null; then # it knows AVX2, not AVX-512
  ok "a program for an older processor" "$nacre" build net.ncr --weights w.safetensors --cpu haswell --output old
  ok "valgrind finds nothing" valgrind -q --error-exitcode=9 ./old grey.pgm
  ok "and the answer is the same" bash -c 'diff <(./old --bytes grey.pgm) <(./prog --bytes grey.pgm)'
fi
# Five samples at once give what they give one by one.
ok "a library of batches" "$nacre" build net.ncr --weights w.safetensors --kind lib --prefix five --batch 5 --output libfive.a
cat >batch.c <<'C'
#include "libfive.h"
#include "libtiny.h"
#include <stdlib.h>
#include <string.h>
int main(void)
{
    static int8_t in[FIVE_BATCH * FIVE_INPUT_0_BYTES], all[FIVE_BATCH * FIVE_OUTPUT_0_BYTES], one[TINY_OUTPUT_0_BYTES];
    static _Alignas(FIVE_ARENA_ALIGN) char arena[FIVE_ARENA_BYTES], other[TINY_ARENA_BYTES];
    const int8_t *ins[1] = {in};
    int8_t *outs[1] = {all};
    int differ = 0;
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (int8_t)(i * i / 7 + i / FIVE_INPUT_0_BYTES * 31);
    if (FIVE_BATCH != 5 || five_info()->batch != 5 || tiny_info()->batch != TINY_BATCH || TINY_BATCH != 1) return 1;
    if (FIVE_INPUT_0_BYTES != TINY_INPUT_0_BYTES || FIVE_OUTPUT_0_BYTES != TINY_OUTPUT_0_BYTES) return 2;
    if (five_init(arena, sizeof arena) || tiny_init(other, sizeof other)) return 3;
    five_run(arena, ins, outs);
    for (int k = 0; k < FIVE_BATCH; k++) {
        ins[0] = in + k * TINY_INPUT_0_BYTES;
        outs[0] = one;
        tiny_run(other, ins, outs);
        if (memcmp(one, all + k * TINY_OUTPUT_0_BYTES, sizeof one) != 0) return 4;
        differ += memcmp(one, all, sizeof one) != 0;
    }
    return differ ? 0 : 5; /* equal results would compare nothing */
}
C
ok "links beside another" cc -std=c11 -Wall -Wextra -Werror -o batch batch.c libfive.a libtiny.a
ok "a batch is its samples" ./batch
ok "its plan says where the tail begins" bash -c "'$nacre' emit net.ncr --stage plan --batch 5 | grep -q 'batch 5 tail from step'"
expect 2 '--batch is for --kind obj and lib' "$nacre" build net.ncr --weights w.safetensors --batch 5 --output x
expect 2 '--batch takes a whole number from 1 to 1024, not `0`' "$nacre" build net.ncr --weights w.safetensors --kind obj --batch 0 --output x.o
# Activations of 16 bits: the program gives the scores of `nacre run`, whatever their size.
{ cat net.ncr; echo 'quant wide { activations: linear(bits: 16); }'; } >wide.ncr
ok "a program of 16-bit activations" "$nacre" build wide.ncr --weights w.safetensors --output wide
./wide --scores grey.pgm | sed 's/.*scores//' | tr ' ' '\n' | grep . >scores.prog
"$nacre" run wide.ncr --weights w.safetensors --image grey.pgm --format csv --scores --interpreter | tail -n 1 | tr ',' '\n' | tail -n 10 >scores.run
ok "its scores: $(tr '\n' ' ' <scores.prog)" bash -c "[ \$(wc -l <scores.prog) -eq 10 ] && paste scores.prog scores.run | awk '{ d = \$1 - \$2; if (d > 1e-3 || d < -1e-3) exit 1 }'"
for target in aarch64-linux-gnu thumbv7em-none-eabihf riscv64-linux-gnu; do
  ok "an object for $target" "$nacre" build net.ncr --weights w.safetensors --kind obj --target-triple $target --output other.o
  ok "without a writable section" constant other.o
done
# A report on a target says of code and stack what the build for its machine says.
for target in cortex_m4 cortex_m7 aarch64 x86_64; do
  field() { sed -n "s/^ *$1: \"\(.*\)\";/\1/p" "$source/stdlib/targets/$target.ncr"; }
  ok "an object for $target" "$nacre" build net.ncr --weights w.safetensors --kind obj --target-triple "$(field triple)" --cpu "$(field cpu)" --output t.o
  built=$(sed -n 's/.*code \([0-9]*\) bytes.*stack \([0-9]*\) bytes.*/\1 \2/p' log)
  "$nacre" report net.ncr --weights w.safetensors --target $target --format json >report.json 2>/dev/null
  reported=$(sed -n 's/^ *"\(code\|stack\)_bytes": \([0-9]*\),*$/\2/p' report.json | tr '\n' ' ')
  ok "code and stack for $target: $built built, $reported reported" [ -n "$built" -a "$built " = "$reported" ]
done
"$nacre" report net.ncr --target cortex_m4 --format json >report.json 2>/dev/null
ok "neither is known without weights" [ "$(grep -cE '"(code|stack)_bytes": null' report.json)" = 2 ]
sed 's/^target cortex_m4/target odd/; s/triple: .*/triple: "xtensa-none-elf";/' "$source/stdlib/targets/cortex_m4.ncr" >odd.ncr
expect 0 'bytes of code and stack are not known: ' "$nacre" report net.ncr --weights w.safetensors --target odd.ncr
# Small code and fast code: the same answers, fewer bytes. ResNet-20 for pictures of 28x28, as nacre build states its bytes.
cat >resnet.ncr <<'NCR'
import std.blocks
net resnet20(x: tensor[1, 28, 28]) -> tensor[10] {
    x
        |> conv_bn_relu(16, kernel: 3)
        >> repeat(stage in 0..3) {
            repeat(i in 0..3) { basic_block(16 << stage, stride: if stage > 0 && i == 0 { 2 } else { 1 }) }
        }
        >> classifier(10)
}
data images = digits(seed: 3, train: 40, test: 40);
train quick { data: images.train; epochs: 1; }
quant int4 { weights: linear(bits: 4, per: channel); activations: linear(bits: 8); }
quant int8 { weights: linear(bits: 8, per: channel); activations: linear(bits: 8); }
NCR
ok "train ResNet-20" "$nacre" train resnet.ncr --output r.safetensors --threads 1
for quant in int8 int4; do
  for how in size speed; do
    ok "$quant for $how" "$nacre" build resnet.ncr --weights r.safetensors --quant $quant --kind obj --optimize $how --output $quant.$how.o
    sed -n 's/.*code \([0-9]*\) bytes, constants \([0-9]*\) bytes.*/\1 \2/p' log >$quant.$how
    ok "$quant for $how runs" bash -c "'$nacre' run resnet.ncr --weights r.safetensors --quant $quant --no-cache --optimize $how --scores --format csv >$quant.$how.csv"
  done
  ok "$quant: both give the same scores" bash -c "[ \$(wc -l <$quant.size.csv) -eq 41 ] && cmp $quant.size.csv $quant.speed.csv"
done
less() { # FIELD A B: that number of A is less than three quarters of B's
  [ "$(cut -d' ' -f$1 <$2)" -gt 0 ] && [ $((4 * $(cut -d' ' -f$1 <$2))) -lt $((3 * $(cut -d' ' -f$1 <$3))) ]
}
ok "small code is smaller: $(cat int8.size int8.speed | tr '\n' ' ')" less 1 int8.size int8.speed
ok "so are packed weights: $(cat int4.size int4.speed | tr '\n' ' ')" less 2 int4.size int4.speed
for target in thumbv7em-none-eabihf aarch64-linux-gnu; do
  for how in size speed; do
    ok "$target for $how" "$nacre" build net.ncr --weights w.safetensors --kind obj --target-triple $target --optimize $how --output $target.$how.o
  done
  ok "$target" "$nacre" build net.ncr --weights w.safetensors --kind obj --target-triple $target --output $target.o
done
ok "a machine without a system gets small code" cmp thumbv7em-none-eabihf.o thumbv7em-none-eabihf.size.o
ok "others fast code" cmp aarch64-linux-gnu.o aarch64-linux-gnu.speed.o
expect 2 '--optimize is size or speed, not .fast' "$nacre" build net.ncr --weights w.safetensors --optimize fast --output x
ok "equal networks give equal bytes" bash -c "'$nacre' build net.ncr --weights w.safetensors --kind obj --output twice.o && cmp net.o twice.o"
for stage in llvm asm obj; do ok "emit --stage $stage" "$nacre" emit --stage $stage net.ncr --weights w.safetensors --output stage.out; done

expect 2 'Give --output' "$nacre" build net.ncr --weights w.safetensors
expect 2 '--kind is exe, obj or lib, not `dll`' "$nacre" build net.ncr --weights w.safetensors --kind dll -o x
expect 2 'trained weights are needed' "$nacre" build net.ncr -o x
expect 2 'is for --kind obj and lib' "$nacre" build net.ncr --weights w.safetensors --prefix p -o x
expect 2 '.' "$nacre" build net.ncr --weights w.safetensors --kind obj --prefix '1bad' -o x.o
expect 3 'cannot write' "$nacre" build net.ncr --weights w.safetensors --kind obj -o /nonexistent/x.o
long=$(printf 'x%.0s' $(seq 600))
expect 3 'cannot make a temporary folder: File name too long' env TMPDIR="/$long" "$nacre" build net.ncr --weights w.safetensors -o x
expect 2 'not for `aarch64-x*-linux-gnu`: build --kind obj' \
  "$nacre" build net.ncr --weights w.safetensors --target-triple "aarch64-$long-linux-gnu" -o x
# A linker that fails is noticed, also where the caller has ends of children ignored.
mkdir bin && printf '#!/bin/sh\nexit 1\n' >bin/cc && chmod +x bin/cc
expect 3 'the linker `cc` failed' bash -c "trap '' CHLD; PATH='$work/bin:$PATH' '$nacre' build net.ncr --weights w.safetensors -o x"
[ -e x ] && fail "a refused build left a file"
finish
