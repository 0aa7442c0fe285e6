-- expect: error not a table of dray
return {f = function(_, event)
	local step = pairs(event)
	step("x", nil)
end}
