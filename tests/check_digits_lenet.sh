#!/usr/bin/env bash
# The built-in digits are neither too hard nor beyond 8 bits: LeNet-5 passes 98 % on test images after two epochs, and
# loses at most 0.3 points in int8.
# usage: check_digits_lenet.sh NACRE SOURCE_DIR
set -u
nacre=$(realpath "$1")
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1

cat >lenet.ncr <<'END'
net lenet(x: tensor[1, 28, 28]) -> tensor[10] {
    x |> conv(6, kernel: 5) >> relu >> maxpool(2)
      |> conv(16, kernel: 5, pad: valid) >> relu >> maxpool(2)
      |> flatten >> dense(120) >> relu >> dense(84) >> relu >> dense(10)
}
data images = digits(seed: 1, train: 20000, test: 4000);
train quick {
    data: images.train; epochs: 2; batch: 64;
    optimizer: sgd(lr: 0.02, momentum: 0.9, weight_decay: 1e-4); schedule: cosine;
}
END
"$nacre" train lenet.ncr --threads 1 --quiet || exit 1
"$nacre" eval lenet.ncr --weights lenet.safetensors --format json >eval.json || exit 1
awk '/"accuracy"/ { sub(",", ""); a[n++] = $2 }
     END {
         printf "float %.2f %%, int8 %.2f %%\n", 100 * a[0], 100 * a[1]
         if (n != 2 || !(a[0] > 0.98)) { print "FAIL: LeNet-5 is to pass 98 %"; exit 1 }
         if (!(a[0] - a[1] <= 0.003)) { print "FAIL: int8 is to lose at most 0.3 points"; exit 1 }
     }' eval.json
