#!/usr/bin/env bash
# Accuracy, size, speed and resilience of a network of examples/02-formats in each number format that its text declares, as a table.
# usage: scripts/compare_formats.sh NACRE DATA_DIR OUT_DIR NETWORK [FORMAT...]
#   DATA_DIR   holds mnist/ and cifar10/; NETWORK is lenet or resnet8
#   SEED       (environment) of both trainings; 1 by default
#   OUT_DIR    keeps weights and results: what is there is not computed again, so that a stopped run goes on
set -euo pipefail
[ $# -ge 4 ] || { sed -n '2,6s/^# //p' "$0" >&2; exit 2; }
nacre=$1 data=$2 out=$3 net=$4
shift 4
source=$(cd "$(dirname "$0")/.." && pwd)/examples/02-formats/$net.ncr
[ -f "$source" ] || { echo "$0: there is no network $net in examples/02-formats" >&2; exit 2; }
formats=("$@")
[ ${#formats[@]} -gt 0 ] || mapfile -t formats < <(sed -n 's/^quant \([a-z0-9]*\) .*/\1/p' "$source")
mkdir -p "$out"
inputs=1000 flips=2000 injections=300 rates=1e-5,1e-4,1e-3

# once FILE COMMAND...: the command's output in FILE, unless it is there
once() {
  local file=$1
  shift
  [ -s "$file" ] && return
  echo "${file##*/}" >&2
  "$@" -q >"$file.part"
  mv "$file.part" "$file"
}
# value FILE KEY [OBJECT]: the first number under KEY (behind the line that opens OBJECT)
value() {
  awk -v key="\"$2\":" -v object="${3:+\"$3\": {}" '
    object == "" || index($0, object) { inside = 1 }
    inside && $1 == key { sub(/,$/, "", $2); print $2; exit }' "$1"
}
percent() { awk -v v="$1" -v n="${2:-2}" 'BEGIN { printf "%.*f", n, 100 * v }'; }

weights=$out/$net.safetensors
if [ ! -f "$weights" ]; then
  echo "training $net" >&2
  "$nacre" train "$source" --train from_scratch --seed "${SEED:-1}" --data-dir "$data" --output "$weights.part" >"$out/$net.train"
  mv "$weights.part" "$weights"
fi
common=("$source" --data-dir "$data")
for q in "${formats[@]}"; do
  at=$out/$net-$q
  once "$at.eval" "$nacre" eval "${common[@]}" --weights "$weights" --quant "$q" --format json
  if [ ! -f "$at.safetensors" ]; then
    echo "fine-tuning $net for $q" >&2
    "$nacre" train "${common[@]}" --train fine_tune --seed "${SEED:-1}" --weights "$weights" --quant "$q" --output "$at.part" >"$at.train"
    mv "$at.part" "$at.safetensors"
  fi
  tuned=("${common[@]}" --weights "$at.safetensors" --quant "$q")
  once "$at.tuned" "$nacre" eval "${tuned[@]}" --format json
  once "$at.report" "$nacre" report "$source" --quant "$q" --format json
  once "$at.weight" "$nacre" inject "${tuned[@]}" --format json --fault one_weight --inputs $inputs --injections $flips
  once "$at.activation" "$nacre" inject "${tuned[@]}" --format json --fault one_activation --inputs $inputs --injections $((10 * flips))
  for rate in ${rates//,/ }; do
    once "$at.ber$rate" "$nacre" inject "${tuned[@]}" --format json --fault one_weight --inputs $inputs --ber "$rate" --injections $injections
  done
done
# Speed is the best of many short runs, the formats taking turns, so that another job on the machine harms none of them alone.
for turn in $(seq 1 20); do
  for q in "${formats[@]}"; do
    at=$out/$net-$q
    [ "$turn" -gt 1 ] || rm -f "$at.speed"
    "$nacre" run "${common[@]}" --weights "$at.safetensors" --quant "$q" --limit 1000 --format json -q |
      awk '$1 == "\"images_per_second\":" { print $2 }' >>"$at.speed"
  done
done

first=$out/$net-${formats[0]}.eval
printf '%s, float accuracy %s %%\n\n' "$net" "$(percent "$(value "$first" accuracy float)")"
echo "| format | weights and biases, bytes | images/s | accuracy, trained | fine-tuned | decisions changed by a weight flip | by an activation flip | CCR at $(sed 's/,/ | CCR at /g' <<<$rates) |"
echo "|---|---|---|---|---|---|---|---|---|---|"
for q in "${formats[@]}"; do
  at=$out/$net-$q
  printf '| `%s` | %s | %.0f | %s %% | %s %%' "$q" "$(value "$at.report" weight_bytes)" "$(sort -g "$at.speed" | tail -n 1)" \
    "$(percent "$(value "$at.eval" accuracy quantised)")" "$(percent "$(value "$at.tuned" accuracy quantised)")"
  for kind in weight activation; do
    printf ' | %s %% [%s, %s]' "$(percent "$(value "$at.$kind" p sdc_share_inferences)" 3)" \
      "$(percent "$(value "$at.$kind" lo sdc_share_inferences)" 3)" "$(percent "$(value "$at.$kind" hi sdc_share_inferences)" 3)"
  done
  for rate in ${rates//,/ }; do
    printf ' | %s %% [%s, %s]' "$(percent "$(value "$at.ber$rate" p ccr)")" "$(percent "$(value "$at.ber$rate" lo ccr)")" \
      "$(percent "$(value "$at.ber$rate" hi ccr)")"
  done
  echo " |"
done
