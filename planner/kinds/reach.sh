# reach.sh "ADDRESS PORT"... - which of these addresses of other nodes can be dialled from
# here: one "reach" line each, then "end". Comes behind net.sh.
# shellcheck shell=sh
LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
running=0
for peer; do
	dial "${peer% *}" "${peer#* }" &
	running=$((running + 1))
	# Each may take a second; hundreds of processes at once help nobody.
	if [ $running -ge 64 ]; then
		wait
		running=0
	fi
done
wait
echo end
