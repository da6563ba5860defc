#!/usr/bin/env bash
# Stages as text: what `nacre emit` prints for a small network, and how it refuses.
# usage: check_emit.sh NACRE SOURCE_DIR
. "$(dirname "$0")/lib.sh"

# prints NAME COMMAND… : standard output is the text on standard input
prints() {
  local name=$1
  shift
  checks=$((checks + 1))
  cat >want
  "$@" >got 2>err
  local code=$?
  if [ $code -ne 0 ] || ! diff -u want got >diff; then
    fail "$name (exit $code)"
    cat diff err
  fi
}
# refuses CODE TEXT COMMAND… : exit code, a message that holds TEXT, nothing on standard output
refuses() {
  local want=$1 text=$2
  shift 2
  checks=$((checks + 1))
  "$@" >got 2>err
  local code=$?
  if [ $code -ne "$want" ] || ! grep -qF -- "$text" err || [ -s got ]; then
    fail "$* : exit $code, expected $want with: $text"
    cat err
  fi
}

cat >small.ncr <<'END'
net small(x: tensor[2, 5, 5]) -> tensor[3] {
    x |> conv(4, kernel: 3, bias: false) >> batchnorm >> relu >> dropout >> maxpool(2)
      |> flatten >> dense(3)
}
END

prints graph "$nacre" emit small.ncr --stage graph <<'END'
graph "small" {
  %0 = input "small/x" shape 2x5x5 : 2x5x5
  %1 = conv %0 "small/conv" out 4 kernel 3x3 stride 1x1 pad same dilation 1x1 groups 1 bias false : 4x5x5
  %2 = batchnorm %1 "small/batchnorm" eps 1e-05 momentum 0.1 : 4x5x5
  %3 = relu %2 "small/relu" : 4x5x5
  %4 = maxpool %3 "small/maxpool" kernel 2x2 stride 2x2 pad same : 4x3x3
  %5 = flatten %4 "small/flatten" : 36
  %6 = dense %5 "small/dense" out 3 bias true : 3
  output "" = %6
}
END

# The batchnorm is folded and the relu fused: node 1 to 3 are one.
prints qgraph "$nacre" emit small.ncr --stage qgraph <<'END'
qgraph "small" weights linear 8 per channel activations linear 8 {
  %0 = input "small/x" : 2x5x5
    node 0 last 0 macs 0
  %1 = conv %0 "small/conv" kernel 3x3 stride 1x1 pad 1 1 1 1 dilation 1x1 groups 1 : 4x5x5
    node 1 last 3 macs 1800
  %2 = maxpool %1 "small/maxpool" kernel 2x2 stride 2x2 pad 0 0 1 1 : 4x3x3
    node 4 last 4 macs 0
  %3 = reshape %2 "small/flatten" : 36
    node 5 last 5 macs 0
  %4 = dense %3 "small/dense" : 3
    node 6 last 6 macs 108
  inputs %0
  outputs %4
}
END

prints tokens bash -c "'$nacre' emit small.ncr --stage tokens | head -3" <<'END'
1:1 `net` net
1:5 name small
1:10 `(` (
END

# Arithmetic by hand: the input with its border of 1 is 7·7·2 + 64 bytes of tail, the convolution
# 5·5·4 + 64, both together in units of 64: 192 + 192.
# What is alive at a step is the sum of the bytes as they are.
"$nacre" emit small.ncr --stage plan -o plan.txt
prints plan cat plan.txt <<'END'
plan "small" shared {
  arena 384 bound 384 peak at step 1
  step 0: %0 = input : 2x5x5 at 0+162 border 1 1 1 1 life 0..1 live 162  small/x
  step 1: %1 = conv %0 : 4x5x5 at 192+164 life 1..2 live 326  small/conv
  step 2: %2 = maxpool %1 : 4x3x3 at 0+100 life 2..3 live 264  small/maxpool
  step 3: %3 = reshape %2 : 36 at 0+100 in place of %2 life 3..4 live 100  small/flatten
  step 4: %4 = dense %3 : 3 at 128+67 life 4..4 live 167  small/dense
}
END

# A table in place of its input, a sum in place of one of its terms.
cat >inplace.ncr <<'END'
net inplace(x: tensor[64]) -> tensor[64] {
    let a = x |> dense(64) >> sigmoid;
    a + (x |> dense(64))
}
END
prints 'plan in place' bash -c "'$nacre' emit inplace.ncr --stage plan | grep -c 'in place of'" <<<2

refuses 2 'there is no stage `qgrph`; did you mean `qgraph`?' "$nacre" emit small.ncr --stage qgrph
refuses 2 'there is no stage `zzz`; there are tokens, ast' "$nacre" emit small.ncr --stage zzz
refuses 2 'which stage? Give --stage with one of tokens' "$nacre" emit small.ncr
refuses 2 'a stage has one form' "$nacre" emit small.ncr --stage graph --format json
refuses 2 "there is no net" "$nacre" emit small.ncr --stage graph --net other
refuses 3 'nothing.ncr' "$nacre" emit nothing.ncr --stage tokens
refuses 3 'none.safetensors' "$nacre" emit small.ncr --stage qgraph --weights none.safetensors

cat >log2.ncr <<'END'
net n(x: tensor[4]) -> tensor[2] { x |> dense(2) }
quant pow2 { weights: fixed(bits: 8); activations: log2(bits: 4); }
END
refuses 1 'log2.ncr:2:7: error[N0701]: activations of `pow2` are `log2`' "$nacre" emit log2.ncr --stage qgraph

cat >long.ncr <<'END'
block tail(x) { x |> softmax }
net n(x: tensor[5000]) -> tensor[5000] { x |> tail }
END
refuses 1 'long.ncr:1:22: error[N0704]: `softmax` over 5000 elements; integer softmax holds at most 3584' \
  "$nacre" emit long.ncr --stage plan
refuses 1 'in block `tail`, used at long.ncr:2:47' "$nacre" emit long.ncr --stage plan
cat >wide.ncr <<'END'
net n(x: tensor[1, 4000, 4000]) -> tensor[1, 1, 1] { x |> global_avgpool }
END
refuses 1 'wide.ncr:1:59: error[N0708]: average over 16000000 pixels; a 32-bit sum holds at most 8421504' \
  "$nacre" emit wide.ncr --stage qgraph
cat >dilated.ncr <<'END'
net n(x: tensor[3, 8, 8]) -> tensor[8, 8, 8] { x |> conv(8, kernel: 100, dilation: 1000) }
END
refuses 1 'padding makes the input of `n/conv` 3x99008x99008; a side is padded by at most 16384 pixels' \
  "$nacre" emit dilated.ncr --stage plan
echo 'net n(' >broken.ncr
refuses 1 'broken.ncr:1:6: error[N0104]' "$nacre" emit broken.ncr --stage ast

finish
