# sif-down.sh - removes the commands of an image, and the SIF file if dray has made it
#	venv  the folder of the commands
#	sif   the file; empty: it is the user's
# shellcheck shell=sh disable=SC2154
args 'venv' 'sif' "$@" || exit
case $venv in */.dray/sif/*) rm -rf "$venv" || exit 1 ;; esac
case $sif in */.dray/sif/*.sif) rm -f "$sif" || exit 1 ;; esac
exit 0
