#!/bin/bash
# bundle.sh - the release tarball runs where nothing is installed: from any folder, through
# links, without an environment, and in a root file system with only glibc and busybox
set -u
cd "$(dirname "$0")/.." || exit 1
DRAY=${DRAY:-$PWD/build/dray}
passed=0 failed=0 skipped=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

is() { # WHAT COMMAND...
	local what=$1
	shift
	if "$@" >"$tmp/log" 2>&1; then
		passed=$((passed + 1))
		echo "ok bundle: $what"
	else
		failed=$((failed + 1))
		echo "not ok bundle: $what"
		sed 's/^/   | /' "$tmp/log"
	fi
}
says() { # WORD COMMAND...
	local word=$1
	shift
	"$@" >"$tmp/said" 2>&1
	cat "$tmp/said"
	grep -q "$word" "$tmp/said"
}

is "it packs" .ci/bundle "$DRAY" test "$tmp/dray.tar.gz"
cp "$tmp/dray.tar.gz" "$tmp/first.tar.gz"
.ci/bundle "$DRAY" test "$tmp/dray.tar.gz" >/dev/null
is "the same binary gives the same bytes" cmp "$tmp/first.tar.gz" "$tmp/dray.tar.gz"
mkdir "$tmp/a b"
tar -C "$tmp/a b" -xzf "$tmp/dray.tar.gz"
mv "$tmp/a b/dray-test" "$tmp/a b/moved"
top="$tmp/a b/moved"
is "without an environment" says '^dray ' env -i "$top/dray" version
ln -s "$top/dray" "$tmp/absolute"
ln -s "a b/moved/dray" "$tmp/relative"
ln -s relative "$tmp/twice"
for link in absolute relative twice; do
	is "through a link, $link" says '^dray ' env -i "$tmp/$link" version
done
is "found by PATH" says '^dray ' env -i PATH="$top:/usr/bin:/bin" dray version
no_host_library() {
	local line
	while read -r line; do
		case $line in
		"$top"/lib/* | */libc.so.6 | */libm.so.6 | */libresolv.so.2 | */libdl.so.2 | */libpthread.so.0 | */librt.so.1) ;;
		*) echo "from the host: $line"; return 1 ;;
		esac
	done < <(/lib64/ld-linux-x86-64.so.2 --library-path "$top/lib" --list "$top/lib/dray" |
		sed -n 's/.* => \(.*\) (0x.*/\1/p')
}
is "only glibc is the host's" no_host_library
no_leak() { ! grep -q 'LD_LIBRARY_PATH' "$top/dray"; }
is "what dray starts gets no library path of ours" no_leak
if [ "$(id -u)" != 0 ] || ! busybox=$(command -v busybox) || ldd "$busybox" >/dev/null 2>&1; then
	skipped=$((skipped + 1))
	echo "SKIP bundle in an empty root: it takes root and a static busybox"
else
	root=$tmp/root
	mkdir -p "$root/bin" "$root/lib64" "$root/lib/x86_64-linux-gnu" "$root/opt" "$root/tmp" \
		"$root/proc" "$root/sys" "$root/dev"
	cp "$busybox" "$root/bin/busybox"
	for tool in $("$busybox" --list); do [ -e "$root/bin/$tool" ] || ln -s busybox "$root/bin/$tool"; done
	cp -L /lib64/ld-linux-x86-64.so.2 "$root/lib64/"
	for lib in libc.so.6 libm.so.6 libresolv.so.2 libdl.so.2 libpthread.so.0 librt.so.1; do
		cp -L "/lib/x86_64-linux-gnu/$lib" "$root/lib/x86_64-linux-gnu/"
	done
	cp -r "$top" "$root/opt/dray"
	# inside COMMAND...: run it in that root, with the kernel's file systems; the root
	# ends with the process.
	inside() {
		# shellcheck disable=SC2016
		unshare -m sh -c 'root=$1; shift
			for d in proc sys dev; do mount --rbind /$d "$root/$d" || exit 9; done
			exec env -i PATH=/bin HOME=/tmp "$(command -v chroot)" "$root" "$@"' inside "$root" "$@"
	}
	if inside /bin/true; then
		is "in an empty root" says '^dray ' inside /opt/dray/dray version
		is "it looks at an empty root" says '^localhost .* kernel' inside /opt/dray/dray discover -local
	else
		skipped=$((skipped + 1))
		echo "SKIP bundle in an empty root: no mounts here"
	fi
fi
echo "bundle: $passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
