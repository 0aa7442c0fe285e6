# ray-status.sh - reads what `ray status` prints on stdin, and prints "NODES USED TOTAL": nodes that
# are alive, GPUs in use, GPUs in all. Fails if it is not a status.
# shellcheck shell=sh
exec awk '
/^=+ Autoscaler status/ { found = 1 }
/^(Active|Idle|Healthy):/ { alive = 1; next }
/^[^ ]/ { alive = 0 }
alive && $1 ~ /^[0-9]+$/ { nodes += $1 }
$2 == "GPU" && $1 ~ /^[0-9.]+\/[0-9.]+$/ { split($1, gpu, "/") }
END {
	if (!found) exit 1
	printf "%d %d %d\n", nodes, gpu[1] + 0.999, gpu[2]
}'
