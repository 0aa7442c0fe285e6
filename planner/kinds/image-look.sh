# image-look.sh CLUSTER REF BACKEND IMAGE-ID-SH DOCKER-ARGS... - looks into an image for Ray
# and vLLM, in a container that ends at once, and keeps what it found beside the records;
# sets "again" when backend auto then means another one than BACKEND, which the plan took
# it for. state.sh comes before this text.
# shellcheck shell=sh disable=SC2154
cluster=$1 ref=$2 backend=$3 fingerprint=$4
shift 4
die() {
	printf '%s\n' "$@" >&2
	exit 1
}
id=$(sh -c "$fingerprint" image-id "$ref") || die "image '$ref' is not on this node"
printf 'progress looking into %s\n' "$ref" >&3
# shellcheck disable=SC2016
look='version() {
	python3 -c "import sys, importlib.metadata as m; print(m.version(sys.argv[1]))" "$1" 2>/dev/null ||
		"$1" --version 2>/dev/null | grep -o "[0-9][0-9.]*[0-9][^ ]*" | head -n 1
}
ray=; vllm=
if command -v ray >/dev/null; then ray=$(version ray); ray=${ray:-present}; fi
if command -v vllm >/dev/null; then vllm=$(version vllm); vllm=${vllm:-present}; fi
echo "@@ ${ray:--} ${vllm:--}"'
told=$(docker run --rm --network none "$@" --entrypoint /bin/sh "$ref" -c "$look" 2>&1 3>&-) ||
	die "a look into image '$ref' failed: $told"
found=$(printf '%s\n' "$told" | sed -n 's/^@@ //p' | tail -n 1)
[ -n "$found" ] || die "a look into image '$ref' found nothing: $told"

state_of "$cluster"
dir=$state/images
(umask 077 && mkdir -p "$dir" && printf '%s\n' "$found" >"$dir/.new" &&
	mv -f "$dir/.new" "$dir/${id#sha256:}") || exit 1
case $backend:$found in
mp:-*) ;;
mp:*)
	printf 'set again %s\n' "image '$ref' has Ray ${found%% *} in it, so backend auto means ray" >&3
	;;
esac
exit 0
