# image-id.sh - prints the fingerprint of an image: the sum of its layers and settings. It is the
# same on every node, however the image came there; the id that the runtime gives is not.
#	ref  the image
# shellcheck shell=sh disable=SC2154
args 'ref' '' "$@" || exit
all='{{json .RootFS.Layers}}{{json .Config.Env}}{{json .Config.Entrypoint}}{{json .Config.Cmd}}'
told=$(docker image inspect --format "$all" "$ref" 2>/dev/null) || exit 1
sum=$(printf '%s' "$told" | sha256sum 2>/dev/null) ||
	sum=$(printf '%s' "$told" | openssl dgst -sha256 -r) || exit 1
printf 'sha256:%s\n' "${sum%% *}"
