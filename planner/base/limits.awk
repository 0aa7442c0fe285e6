# limits.awk - read the rows of limits.def as the Makefile prints them: "NAME VALUE UNIT REASON"
# or "= TITLE". With a script as second file, print the line of shell that the build puts before
# it: an assignment for each row that the script names. With -v page=1, print docs/limits.md.
page && FNR == 1 {
	print "# Timeouts, stalls, ports and sizes of logs\n"
	print "How long dray waits for what, which ports it uses, and how much of a log it reads and keeps. A"
	print "`LIMIT` is the time for the whole, a `STALL` is the time without any progress. Where a row names a key"
	print "of the spec, or an option of a Lua file, that changes the value. This page is generated from"
	print "[planner/base/limits.def](../planner/base/limits.def)."
}
page && $1 == "=" {
	sub(/^= */, "")
	print "\n## " $0 "\n\n| name | value | for what, and why |\n|---|---|---|"
	next
}
page {
	unit = $3 == "S" ? " s" : $3 == "GIB" ? " GiB" : $3 == "PORT" || $3 == "NUMBER" ? "" : " " tolower($3)
	printf "| `%s` | %s%s |", $1, $2, unit
	$1 = $2 = $3 = ""
	sub(/^ +/, "")
	print " " $0 " |"
	next
}
NR == FNR { if ($1 != "=") value[tolower($1)] = $2; next }
/^[ \t]*#/ { next }
{
	for (line = $0; match(line, /[a-z_][a-z_0-9]*/); line = substr(line, RSTART + RLENGTH)) {
		name = substr(line, RSTART, RLENGTH)
		if (!(name in value) || (name in said)) continue
		said[name] = 1
		all = all (all == "" ? "" : " ") name "=" value[name]
	}
}
END { if (all != "") print all }
