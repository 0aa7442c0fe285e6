# downloading.sh - hf runs in a session of its own, so that it outlives the dray that started it;
# comes after state.sh
# shellcheck shell=sh disable=SC2154
#
# $state/download has what is known of it: keeper ("PID BORN BOOT"), what (it downloads), box (the
# program and the name of its container, if it has one), out, err, and in the end status.

# download_lives: does it run? Sets $keep, its folder, and $keeper.
download_lives() {
	keep=${state:?}/download keeper=
	read -r keeper keeper_born keeper_boot 2>/dev/null <"$keep/keeper" || return 1
	read -r boot </proc/sys/kernel/random/boot_id
	[ "$keeper_boot" = "$boot" ] && born "$keeper" && [ "$born" = "$keeper_born" ]
}
# download_end: ends it, with its container, and forgets it.
download_end() {
	if download_lives; then
		kill -TERM "-$keeper" 2>/dev/null || kill -TERM "$keeper" 2>/dev/null
		read -r engine box 2>/dev/null <"$keep/box" && "$engine" rm -f "$box" >/dev/null 2>&1
		tries=0
		while download_lives && [ $tries -lt "$term_limit" ]; do
			tries=$((tries + 1))
			sleep 1
		done
		! download_lives || kill -KILL "-$keeper" 2>/dev/null || kill -KILL "$keeper" 2>/dev/null
	fi
	rm -rf "${keep:?}"
}
