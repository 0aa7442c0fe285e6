-- expect: error this ctx belongs to a call that is over
local kept
return {
	f = function(ctx) kept = ctx end,
	g = function() kept:log("still here") end,
}
