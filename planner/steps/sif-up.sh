# sif-up.sh - makes a SIF file from an image unless it is there, and the commands that run in it
#	runtime   apptainer or singularity
#	sif       the file
#	pull      the image that it is made from; empty: it must be there
#	venv      the folder of the commands: bin/NAME runs NAME in the image. What of the engine is
#	          in it stands there as pip would leave it, so that a look need not start the image
#	store     the storage, which the commands see, too
#	image_id  what the file must be: another node has made it; empty: not known yet
#	package, needs  the engine's package, and that of its coordinator
# sif-look.sh comes before this text.
# shellcheck shell=sh disable=SC2154,SC2016
args 'runtime sif venv store package' 'pull image_id needs' "$@" || exit
umask 022
say() { printf 'progress %s\n' "$*" >&3; }
die() {
	printf '%s\n' "$@" >&2
	exit 1
}
command -v "$runtime" >/dev/null || die "there is no $runtime command"
new=$venv.new.$$
trap 'trap "" TERM; rm -rf "$new" "$new.sif"' EXIT
trap 'exit 143' TERM # what takes too long is ended so
mkdir -p "${venv%/*}" && rm -rf "$new" && mkdir "$new" || exit 1

# moved: KIB that this node has received or written. A pull is silent while it packs.
moved() {
	cat /proc/net/dev /proc/vmstat 2>/dev/null | awk '
		/:/ { sub(/^ */, ""); if (!/^lo:/) { sub(/^[^:]*: */, ""); kib += $1 / 1024 } }
		$1 == "pgpgout" { kib += $2 / 8 }
		END { printf "%.0f", kib }'
}
# pulled: makes the file. Nothing of it is kept in the home, which may be small.
pulled() {
	say "pulling $pull"
	"$runtime" pull --disable-cache "$new.sif" "docker://$pull" >"$new/out" 2>&1 3>&- 8>&- 9>&- &
	pull_pid=$! quiet=0 before=0 looked=0
	while kill -0 $pull_pid 2>/dev/null; do
		looked=$((looked + 1))
		[ $looked -gt 8 ] || ! sleep 0.2 2>/dev/null || continue
		sleep 2
		now=$(moved) quiet=$((quiet + 2))
		[ $((now - before)) -lt 8192 ] || quiet=0 before=$now
		if [ $quiet -gt "$pull_stall" ]; then
			kill $pull_pid 2>/dev/null
			die "$runtime pull: nothing came for $((pull_stall / 60)) minutes:" "$(tail -n 3 "$new/out")"
		fi
	done
	if ! wait $pull_pid; then
		why=$(tail -n 5 "$new/out")
		case $why in
		*'no space left'* | *'isk quota exceeded'*)
			die "no space left to make a SIF file of image '$pull', in '$store' or in APPTAINER_TMPDIR (${APPTAINER_TMPDIR:-${TMPDIR:-/tmp}}), which takes twice its size:" "$why" ;;
		*unauthorized* | *'authentication required'* | *'access denied'* | *'requested access'*)
			die "the registry does not give image '$pull' to this login ($runtime registry login), or it does not exist:" "$why" ;;
		*'no image satisfies'* | *'no child with platform'* | *'no matching manifest'*)
			die "image '$pull' has none for this node's architecture ($(uname -m)): take a tag that has:" "$why" ;;
		*'manifest unknown'* | *'not found'*) die "image '$pull' does not exist in its registry:" "$why" ;;
		*toomanyrequests*) die "the registry asks to come back later:" "$why" ;;
		*'no such host'* | *'imeout'* | *refused* | *unreachable* | *'no route'*)
			die "the registry of image '$pull' cannot be reached from here:" "$why" ;;
		*) die "$runtime pull docker://$pull:" "$why" ;;
		esac
	fi
	mv -f "$new.sif" "$sif" || exit 1
}
# A file that another node has made may take a moment to show itself here.
tries=0
while ! sif_id "$sif" && [ -n "$image_id" ] && [ $tries -lt "$file_limit" ]; do
	tries=$((tries + 1))
	sleep 1
done
if [ -z "$sif_id" ] && [ -z "$image_id" ] && [ -n "$pull" ]; then
	pulled
	sif_id "$sif" || die "'$sif' is no SIF file after the pull"
fi
[ -n "$sif_id" ] || die "there is no image '$sif'"
[ -z "$image_id" ] || [ "$sif_id" = "$image_id" ] || die "'$sif' is another image than on the head: copy it from there"

# quoted TEXT: for a shell.
quoted() { printf '%s\n' "$1" | sed "s/'/'\\\\''/g; s/^/'/; s/\$/'/"; }
# It runs as the login, with its environment and home; what that has for another Python must not
# get in. APPTAINER_BIND names more folders; Singularity knows it by its own name.
mkdir -p "$new/bin" || exit 1
cat >"$new/bin/run" <<-END
	#!/bin/sh
	# made by dray: runs a command in $sif
	unset PYTHONPATH PYTHONHOME VIRTUAL_ENV LD_LIBRARY_PATH LD_PRELOAD
	export PYTHONNOUSERSITE=1 SINGULARITY_BIND="\${SINGULARITY_BIND-\${APPTAINER_BIND-}}"
	gpus=
	[ ! -e /dev/nvidiactl ] || gpus=--nv
	[ ! -e /dev/kfd ] || gpus=--rocm
	exec $runtime --silent exec \$gpus -B $(quoted "$store") $(quoted "$sif") "\$@"
END
chmod 755 "$new/bin/run" || exit 1
say "looking into the image"
# shellcheck disable=SC2016
look='for p in "$@"; do
	v=$(python3 -c "import sys, importlib.metadata as m; print(m.version(sys.argv[1]))" "$p" 2>/dev/null)
	[ -z "$v" ] || echo "@@ package $p $v"
done
for c in vllm ray hf huggingface-cli python3 sglang "$1"; do
	! command -v "$c" >/dev/null || echo "@@ command $c"
done'
# shellcheck disable=SC2086
told=$("$new/bin/run" sh -c "$look" look "$package" $needs 2>&1 </dev/null 3>&- 8>&- 9>&-) ||
	die "a look into image '$sif' failed:" "$(printf '%s\n' "$told" | tail -n 5)"
site=$new/lib/python3/site-packages
mkdir -p "$site" || exit 1
printf '%s\n' "$told" | sed -n 's/^@@ //p' | sort -u | while read -r what name version; do
	case $name$version in *[!A-Za-z0-9._+-]* | '') continue ;; esac
	case $what in
	package) mkdir "$site/$name-$version.dist-info" ;;
	command) printf '#!/bin/sh\nexec "${0%%/*}/run" %s "$@"\n' "$name" >"$new/bin/$name" && chmod 755 "$new/bin/$name" ;;
	esac
done
[ -x "$new/bin/$package" ] || die "image '$sif' has no $package in it:" "$(printf '%s\n' "$told" | tail -n 3)"
printf '%s\n' "$sif_id" >"$new/image" && rm -f "$new/out" || exit 1
# Another node may have made them at the same time, of the same file.
rm -rf "$venv.old.$$"
! [ -d "$venv" ] || mv "$venv" "$venv.old.$$" 2>/dev/null
mv "$new" "$venv" 2>/dev/null || [ "$(cat "$venv/image" 2>/dev/null)" = "$sif_id" ] || die "'$venv' cannot be made"
rm -rf "$venv.old.$$"
printf 'set output %s\n' "$sif_id" >&3
