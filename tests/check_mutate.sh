#!/usr/bin/env bash
# nacre mutate: places, children with their weights, what is drawn, reach; programs and weights that the other commands
# take.
# usage: check_mutate.sh NACRE SOURCE_DIR
. "$(dirname "$0")/lib.sh"
cat >small.ncr <<'N'
import std.blocks
import std.mutations
net small(x: tensor[1, 28, 28]) -> tensor[10] {
    @frozen let stem = x |> conv_bn_relu(4, kernel: 3, stride: 2);
    let body = stem |> conv(6, kernel: 3) >> relu >> dropout(0.2);
    let more = body |> conv(6, kernel: 3) >> relu;
    more + body |> maxpool(2) >> flatten >> dense(10)
}
N
cat >data.ncr <<'N'
data images = digits(seed: 1, train: 200, test: 100);
train quick { data: images.train; epochs: 1; batch: 32; optimizer: adam(lr: 2e-3); }
N
cat small.ncr data.ncr >parent.ncr
expect 0 '^weights: parent.safetensors' "$nacre" train -q parent.ncr -o parent.safetensors
expect 0 'mm_none|^float' "$nacre" eval -q parent.ncr --weights parent.safetensors
"$nacre" eval -q parent.ncr --weights parent.safetensors | grep '^float' >parent.eval

# An exact mutation: the same answers from the child's program and weights, as any command reads them.
for place in deepen@more/relu widen@small/more/conv grow_kernel@body/conv skip_add@body/relu,add skip_concat@stem/relu,add; do
  expect 0 'the same function' "$nacre" mutate parent.ncr --weights parent.safetensors --apply "$place" -o child
  cat child.ncr data.ncr >full.ncr
  "$nacre" eval -q full.ncr --weights child.safetensors | grep '^float' >child.eval
  same parent.eval child.eval
  expect 0 'nothing' bash -c "'$nacre' fmt --check child.ncr && '$nacre' check -q child.ncr && echo nothing"
done
expect 0 'to be trained for 200 steps' "$nacre" mutate parent.ncr --weights parent.safetensors --apply separate@body/conv -o child

# The same seed, the same bytes; another seed, another child.
for run in "a 5" "b 5" "c 6"; do
  set -- $run
  expect 0 '"schema": "nacre.mutate/1"' "$nacre" mutate parent.ncr --weights parent.safetensors --random 8 --seed "$2" -o "$1" --format json
done
same a.ncr b.ncr
cmp -s a.safetensors b.safetensors || fail "weights differ"
checks=$((checks + 2))
cmp -s a.ncr c.ncr && fail "seeds 5 and 6 give the same child"
# A child can be mutated again, and keeps what is frozen.
expect 0 '^weights: again.safetensors' "$nacre" mutate a.ncr --weights a.safetensors --random 3 --seed 9 -o again
expect 0 'widen@small/' "$nacre" mutate again.ncr --list
expect 0 '@frozen let stem_conv_bn_conv' cat again.ncr
expect 0 'clean' bash -c "'$nacre' fmt --check again.ncr && '$nacre' check -q again.ncr && echo clean"
cat a.ncr data.ncr >full.ncr
expect 0 '^float' "$nacre" eval -q full.ncr --weights a.safetensors

# Places; frozen layers are not among them.
"$nacre" mutate parent.ncr --list --only deepen,grow_kernel >list
printf '%s\n' deepen@small/body/relu deepen@small/more/relu grow_kernel@small/body/conv grow_kernel@small/more/conv >want
same list want
expect 0 '"why": "at `small/dense`|"applies": false' "$nacre" mutate parent.ncr --list --format json
expect 0 '^conv +small/stem/conv_bn/conv' "$nacre" mutate parent.ncr --reach
expect 0 '^5 of 12 operators are touched by no mutation' "$nacre" mutate parent.ncr --reach
expect 0 '"mutations": 0' "$nacre" mutate parent.ncr --reach --format json

cat >space.ncr <<'N'
import std.mutations
net space(x: tensor[4, 6, 6]) -> tensor[4] {
    @frozen let stem = x |> conv(choose a(4, 8), kernel: choose k(1, 3));
    let body = stem |> conv(choose b(4, 8), kernel: 1) >> optional relu { relu };
    body |> flatten >> dense(4)
}
N
expect 0 '^space/stem/k' "$nacre" mutate space.ncr --reach
expect 0 '^2 of 4 decisions are touched by no mutation' "$nacre" mutate space.ncr --reach
expect 0 '"decisions"' "$nacre" mutate space.ncr --reach --format json
expect 1 'N0473' "$nacre" mutate space.ncr --list

# Genotypes: a member to another member, with weights by name.
cat >member.ncr <<'N'
import std.blocks
import std.mutations
net tiny(x: tensor[1, 28, 28]) -> tensor[10] {
    let width = choose(4, 8, 12);
    let stem = x |> conv(width, kernel: 3, stride: 2) >> relu;
    let body = stem |> repeat(choose(1..=3)) { choose { plain: conv_bn_relu(width, kernel: choose(1, 3)) none: identity } };
    body |> maxpool(2) >> flatten >> dense(10)
}
mutation widest(d: decision) { require d < 12; set d = 12; }
N
cat data.ncr >>member.ncr
genes=(--set 'width=4; body/depth=2; body[0]/kind=plain; body[0]/plain/kernel=3; body[1]/kind=none')
expect 0 '^nudge@tiny/body/depth' "$nacre" mutate member.ncr "${genes[@]}" --list
expect 0 '^deepen@tiny/stem/relu' "$nacre" mutate member.ncr "${genes[@]}" --list
expect 0 'width = 12;' "$nacre" mutate member.ncr "${genes[@]}" --apply widest@width
expect 0 'body/depth = 3;' "$nacre" mutate member.ncr "${genes[@]}" --apply nudge@body/depth --draw choice=1
expect 0 '"schema": "nacre.genotype/1"' "$nacre" mutate member.ncr "${genes[@]}" --apply widest@width --format json
expect 0 '^    body/depth' "$nacre" mutate member.ncr "${genes[@]}" --random 3 --only resample,nudge
expect 2 'body/depth` has no alternative 12' "$nacre" mutate member.ncr "${genes[@]}" --apply widest@body/depth
expect 2 'did you mean `body/depth`' "$nacre" mutate member.ncr "${genes[@]}" --apply resample@body/dept
expect 2 'matches 1 decision, found 2 paths' "$nacre" mutate member.ncr "${genes[@]}" --apply resample@width,width
expect 1 'N0473' "$nacre" mutate member.ncr --apply resample@width
expect 0 '^0 of 8 decisions' "$nacre" mutate member.ncr --reach
expect 0 'operators are touched' "$nacre" mutate member.ncr "${genes[@]}" --reach
expect 0 '^weights:' "$nacre" train -q member.ncr "${genes[@]}" -o member.safetensors
expect 0 '^genotype: wide.genotype' "$nacre" mutate member.ncr "${genes[@]}" --weights member.safetensors --apply widest@width -o wide
expect 0 '^float' "$nacre" eval -q member.ncr --genotype wide.genotype --weights wide.safetensors
# Operators of a member are mutated like those of any net.
expect 0 'the same function' "$nacre" mutate member.ncr "${genes[@]}" --weights member.safetensors --apply deepen@stem/relu -o deep
expect 0 'deepen1_conv' cat deep.ncr

# Without -o the program alone.
expect 0 'conv\(6, kernel: 5\)' "$nacre" mutate parent.ncr --apply grow_kernel@body/conv
expect 0 'conv\(12, kernel: 3\)' "$nacre" mutate parent.ncr --apply widen@body/conv --draw factor=2.0
expect 2 '`factor` is one of 1.25, 1.5, 2, not 3' "$nacre" mutate parent.ncr --apply widen@body/conv --draw factor=3
expect 2 '`widen` draws no `f`; drawn is factor = ' "$nacre" mutate parent.ncr --apply widen@body/conv --draw f=2.0
expect 2 'NAME=VALUE' "$nacre" mutate parent.ncr --apply widen@body/conv --draw factor
expect 2 'give one of --apply' "$nacre" mutate parent.ncr
expect 2 'give one of --apply' "$nacre" mutate parent.ncr --list --reach
expect 2 '--draw gives values' "$nacre" mutate parent.ncr --random 1 --draw factor=2
expect 2 'give -o PREFIX' "$nacre" mutate parent.ncr --weights parent.safetensors --random 1
expect 2 'leave --format out' "$nacre" mutate parent.ncr --random 1 --format json
expect 2 'did you mean `widen`' "$nacre" mutate parent.ncr --apply widn@body/conv
expect 2 'an annotation keeps `stem/conv_bn/conv` from `widen`' "$nacre" mutate parent.ncr --apply widen@stem/conv_bn/conv
expect 2 'does not apply: this requirement does not hold: found' "$nacre" mutate parent.ncr --apply skip_add@body/conv,dense
expect 3 'No such file' "$nacre" mutate parent.ncr --weights missing.safetensors --random 1 -o child
sed '/^import std.mutations/d' small.ncr >none.ncr
expect 2 'the program has no mutations; `import std.mutations`' "$nacre" mutate none.ncr --list
expect 3 "cannot" "$nacre" mutate parent.ncr --random 1 -o missing/child

finish
