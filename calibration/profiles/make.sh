#!/bin/bash
# Makes every shipped kernel profile anew from the published tables, in about eight minutes on two
# cores:  make profiles   (MEASUREMENTS: the folder with ops/, WINDTUNNEL: the program)
# Deterministic: the date is that of the newest source. The fabric profile nccl-clusters.yaml is made
# by the command in calibration/fabric_profile.hpp.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
ops=${MEASUREMENTS:-$here/../../../shared/measurements}/ops
program=${WINDTUNNEL:-$here/../../build/windtunnel}
target=${1:-$here}
[ -d "$ops" ] || { echo "no $ops: set MEASUREMENTS to the folder that holds ops/" >&2; exit 4; }

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT

# fit GPU DATE SOURCE PATH...
fit() {
  local gpu=$1 date=$2 source=$3
  shift 3
  echo "$gpu: $source" >&2
  "$program" calibrate "$@" --gpu "$gpu" --date "$date" --source "$source" -o "$fresh/" --format csv --quiet \
    > /dev/null
}

# The tables of one GPU in aiconfigurator, without those of NCCL (fabrics are another profile).
aiconfigurator() {
  local folder=$ops/aiconfigurator/$1 paths=()
  for part in gemm attention moe comm/vllm comm/sglang comm/trtllm; do
    if [ -d "$folder/$part" ]; then paths+=("$folder/$part"); fi
  done
  fit "$2" 2026-08-21 "aiconfigurator 095f58a51c4c" "${paths[@]}"
}

# The tables of one GPU in InferSim, by kind and phase.
infersim() {
  mapfile -t paths < <(find "$ops/infersim" -type d -name "$1" -not -path '*/gdn/*' | sort)
  fit "$2" 2026-05-08 "InferSim f2293dab6d23" "${paths[@]}" --stack "infersim"
}

aiconfigurator a100_sxm a100-sxm-80gb
aiconfigurator h100_sxm h100-sxm
aiconfigurator h200_sxm h200-sxm
aiconfigurator b200_sxm b200-sxm
aiconfigurator gb200 gb200
aiconfigurator l40s l40s
infersim h20 h20
infersim h800 h800-sxm
fit h800-sxm 2026-07-06 "Frontier a4b22df82118" "$ops/frontier/h800"
fit a100-sxm-80gb 2024-11-19 "Vidur 7d47513363ec" "$ops/vidur/compute/a100"
fit h100-sxm 2024-11-19 "Vidur 7d47513363ec" "$ops/vidur/compute/h100"
fit rtx-4090 2026-08-21 "LLMServingSim 5daddb21a545" "$ops/llmservingsim/perf/RTX4090"
fit rtx-pro-6000 2026-08-21 "LLMServingSim 5daddb21a545" "$ops/llmservingsim/perf/RTXPRO6000"

for old in "$target"/*.grid; do
  if [ -e "$old" ]; then rm -f "$old" "${old%.grid}.yaml"; fi
done
mv "$fresh"/*.yaml "$fresh"/*.grid "$target/"
echo "$(ls "$target"/*.grid | wc -l) kernel profiles in $target, $(du -ch "$target"/*.grid "$target"/*.yaml | tail -1 | cut -f1)" >&2
