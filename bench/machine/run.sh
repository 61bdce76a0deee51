#!/usr/bin/env bash
# Runs all of the bench from a file of pack.mjs, in one call, on a machine without Node and network:
#
#   bash bench/machine/run.sh work/machine/bench.tar.xz OUT [quick]
#
# OUT gets a JSON file a bench, a page and log.txt: eight files. What fails is said there, and the rest goes on. `quick` is the small
# bench on a software adapter, which shows that the pack is whole.
set -u
pack=$(realpath "$1") out=$(realpath "$2") mode=${3:-full}
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
tar -xJf "$pack" -C "$home" || exit 1
cd "$home" || exit 1

# Libraries that a driver needs and a bare machine lacks; the loader beside them serves where there is none.
if compgen -G 'gl/*.deb' >/dev/null && ! ldconfig -p | grep -q libvulkan; then
  for deb in gl/*.deb; do dpkg -x "$deb" /; done
  ldconfig
fi
ldconfig -p | grep -q libvulkan || export LD_LIBRARY_PATH=$home/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
nvidia=/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json
if [ "$mode" = full ] && [ -e $nvidia ]; then export VK_DRIVER_FILES=$nvidia; fi
# Dawn withholds f16 on NVIDIA's older drivers; it works on them.
[ "$mode" = full ] && export FRAMEFUSION_DAWN_FEATURES=allow_unsafe_apis,vulkan_enable_f16_on_nvidia
FRAMEFUSION_COMMIT=$(cat commit)
export FRAMEFUSION_COMMIT

failed=0
echo '== adapter' | tee -a "$out/log.txt"
timeout 60 ./node adapter.mjs 2>&1 | tee -a "$out/log.txt"
# bench SECONDS NAME ARGUMENTS...: at most so long, and its output into the log.
bench() {
  local seconds=$1 name=$2
  shift 2
  echo "== ff-bench $*" | tee -a "$out/log.txt"
  timeout "$seconds" ./node dist-bench/ff-bench.js "$@" --json "$out/$name.json" 2>&1 | tee -a "$out/log.txt"
  local code=${PIPESTATUS[0]}
  [ "$code" = 0 ] && return
  echo "== $name: exit code $code" | tee -a "$out/log.txt"
  failed=1
}

if [ "$mode" = quick ]; then
  software=(--adapter software --rounds 1 --quiet)
  bench 300 kernels kernels --quick --sizes 0.5b --kernel rms-norm,rope,argmax "${software[@]}"
  bench 300 model model --preset tiny --frames 2 --cost 0.4 --report "$out/model.html" "${software[@]}"
  bench 300 peers peers --quick --peers jax-js "${software[@]}"
else
  # Together below the ten minutes of a call, the dearest last.
  gpu=(--adapter gpu --quiet)
  bench 120 kernels kernels "${gpu[@]}"
  bench 90 peers peers "${gpu[@]}"
  bench 100 model-0.5b model --preset llava-onevision-qwen2-0.5b --frames 16,64 --cost 0.5,0.3 --rounds 3 "${gpu[@]}"
  # A layer is a layer: of the 7B model as many as fit the time.
  bench 130 model-7b model --preset llava-video-7b --layers 8 --vision-layers 2 --frames 64 --cost 0.3 --rounds 3 \
    --report "$out/model-7b.html" "${gpu[@]}"
  bench 100 model-7b-256 model --preset llava-video-7b --layers 4 --vision-layers 2 --frames 256 --cost 0.3 --rounds 1 "${gpu[@]}"
  # The same work in plain PyTorch, where the machine has it.
  python3 torch_bench.py "$out/torch.json" "$out"/model-*.json 2>&1 | tee -a "$out/log.txt"
fi
exit $failed
