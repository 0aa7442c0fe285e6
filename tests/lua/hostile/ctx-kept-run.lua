-- expect: error this ctx belongs to a call that is over
local kept
return {
	f = function(ctx) kept = kept or ctx end,
	g = function(ctx) return kept:run{"ls"} end,
}
