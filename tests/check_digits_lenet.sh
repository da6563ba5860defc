#!/usr/bin/env bash
# The built-in digits are neither too hard nor beyond 8 bits: LeNet-5 passes 98 % on test images after two epochs, and
# loses at most 0.3 points in int8.
# What the report proves of its faults holds in a campaign on the same images.
# usage: check_digits_lenet.sh NACRE SOURCE_DIR
. "$(dirname "$0")/lib.sh"

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
     }' eval.json || exit 1

"$nacre" report lenet.ncr --weights lenet.safetensors --ranges each --limit 20 --format json >each.json 2>lints.txt || exit 1
"$nacre" inject lenet.ncr --weights lenet.safetensors --data 'images.train[0..20]' --injections 60000 --format csv >records.csv || exit 1
# Layer, site, share: the mean over the bits, which all have the same number of elements.
tr -d ' ",' <each.json | awk -F: '$1 == "layer" { l = $2 } $1 == "site" { s = $2 } $1 == "share" { n[l " " s]++; sum[l " " s] += $2 }
  END { for (k in n) print k, sum[k] / n[k] }' >shares.txt
awk -F, '
  BEGIN { while ((getline line < "shares.txt") > 0) { split(line, w, " "); share[w[1] " " w[2]] = w[3] } }
  NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
  { key = $column["layer"] " " $column["site"]; n[key]++ }
  $column["input"] == "all" { masked[key] += 1 - ($column["benign"] + $column["sdc"]) / 20; next }
  { masked[key] += $column["outcome"] == "masked" }
  END {
      for (key in n) {
          strata++
          found = masked[key] / n[key]
          printf "%-32s proved masked %5.1f %%, found %5.1f %% of %d\n", key, 100 * share[key], 100 * found, n[key]
          if (share[key] > 0.05) proved++
          # five standard deviations of a share
          if (!(key in share) || found + 2.5 / sqrt(n[key]) < share[key]) { print "FAIL: proved, but not found masked"; bad = 1 }
      }
      if (strata < 14 || proved < 5) { print "FAIL: " strata " strata, " proved " with proofs"; bad = 1 }
      exit bad
  }' records.csv
