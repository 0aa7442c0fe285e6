# end-of-file.sh - a function of scripts that print reports, and its text for a shell in a container;
# comes before them
# shellcheck shell=sh disable=SC2016,SC2034

# end_of_file FILE FROM LINES BYTES: prints what follows FROM (empty: its end), and before that where
# it ends. A last line that is not complete is called cut.
end_of_file='end_of_file() {
	size=$(wc -c <"$1") || return 0
	begin=${2:-$((size > $4 ? size - $4 : 0))}
	[ "$begin" -le "$size" ] || begin=0 # it is another one by now
	n=$((size - begin > $4 ? $4 : size - begin))
	echo "end $((begin + n))"
	[ "$n" -gt 0 ] || return 0
	tail -c "+$((begin + 1))" "$1" | head -c "$n" | tail -n "$3" | sed "s/^/|/"
	echo # the last line may lack its end
	[ -z "$(tail -c "+$((begin + n))" "$1" | head -c 1)" ] || echo cut
}'
eval "$end_of_file"
