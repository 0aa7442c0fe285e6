-- expect: ok
local odd = setmetatable({}, {__tostring = function() return "odd" end})
local cycle = {}
cycle.self = cycle
return {f = function(ctx, event)
	ctx:log("%s %s %s", odd, odd, "x")
	ctx:log(odd)
	ctx:log(cycle)
	ctx:log("\27[2J\0\xff")
	ctx:log(("x"):rep(1e6))
	ctx:warn(event)
	print(odd, nil, cycle, event, print, odd)
	print()
	assert(not pcall(ctx.log, ctx))
	assert(not pcall(ctx.log, ctx, "%d", "x"))
end}
