# image-id.sh REF - prints the fingerprint of an image: of its layers and settings, which
# are the same on every node however the image came there; an engine's own id is not
# shellcheck shell=sh
all='{{json .RootFS.Layers}}{{json .Config.Env}}{{json .Config.Entrypoint}}{{json .Config.Cmd}}'
told=$(docker image inspect --format "$all" "$1" 2>/dev/null) || exit 1
sum=$(printf '%s' "$told" | sha256sum 2>/dev/null) ||
	sum=$(printf '%s' "$told" | openssl dgst -sha256 -r) || exit 1
printf 'sha256:%s\n' "${sum%% *}"
