# files-keep.sh - removes the operator's files that are beside the records and no longer wanted
#	cluster  whose they are
# The words behind it are "MODE KEY/NAME" of those that stay; without one, all go. state.sh comes
# before this text.
# shellcheck shell=sh disable=SC2154
args 'cluster' '' "$@" || exit
shift "$args"
state_of "$cluster"
folder=$state/files
if [ $# = 0 ]; then
	rm -rf "$folder"
	exit
fi
cd "$folder" || exit 1
wanted=' '
for word; do
	chmod "${word%% *}" "./${word#* }" || exit 1
	wanted="$wanted${word#* } "
done
# What has begun with a dot is of a put that was killed.
for old in .[!.]* * */.[!.]* */*; do
	[ -e "$old" ] || [ -h "$old" ] || continue
	case $wanted in *" $old "* | *" $old/"*) ;; *) rm -rf "./$old" || exit 1 ;; esac
done
