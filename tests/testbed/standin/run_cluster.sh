#!/bin/bash
# run_cluster.sh IMAGE HEAD_IP --head|--worker HF_HOME [DOCKER_RUN_ARG...] - what the
# stand-in's hub serves in the place of vLLM's script of that name: the same interface
# and the same manners (in the foreground, under a random name, and at its end it stops
# and removes the container of the name it chose), written for this test bed.
set -u

usage() { echo "Usage: $0 IMAGE HEAD_IP --head|--worker HF_HOME [DOCKER_RUN_ARG...]"; exit 1; }
[ $# -ge 4 ] || usage
image=$1 head_ip=$2 role=$3 hf_home=$4
shift 4

own_ip='' take=''
for arg; do
	[ -z "$take" ] || case $arg in VLLM_HOST_IP=*) own_ip=${arg#*=} ;; esac
	take=''
	[ "$arg" != -e ] || take=yes
done

case $role in
--head) ray="ray start --block --head --node-ip-address=${own_ip:-$head_ip} --port=6379" ;;
--worker) ray="ray start --block --address=$head_ip:6379${own_ip:+ --node-ip-address=$own_ip}" ;;
*) usage ;;
esac

name=node-$RANDOM
trap 'docker stop "$name"; docker rm "$name"' EXIT
docker run --entrypoint /bin/bash --network host --name "$name" --shm-size 64m --gpus all \
	-v "$hf_home:/root/.cache/huggingface" "$@" "$image" -c "$ray"
