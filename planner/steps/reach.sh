# reach.sh "ADDRESS PORT"... - which of these addresses of other nodes can be dialled from
# here: "reach" and "open" lines, then "end". Comes behind net.sh.
# shellcheck shell=sh disable=SC2034
LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
walls=yes
dial "$@"
echo end
