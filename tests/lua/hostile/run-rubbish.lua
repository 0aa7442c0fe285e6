-- expect: ok true
return {f = function(ctx)
	local bad = {{}, {argv = "ls"}, {argv = {}}, {argv = {1.5}}, {"ls", true}, {"ls", [3] = "x"}, {"a\0b"},
		{"ls", timeout = 0}, {"ls", timeout = 1.5}, {"ls", timeout = -1}, {"ls", timeout = 1e300},
		{"ls", nods = "x"}, {"ls", node = {}}, {"ls", stdin = print}, {"ls", check = "yes"},
		{"ls", stdin = setmetatable({}, {__tostring = function() return "x" end})}, {[1.5] = "ls"},
		{[true] = "ls"}, {"ls", [print] = 1}}
	bad[#bad + 1] = {bad}
	bad[#bad].argv = bad
	for i, options in ipairs(bad) do
		if pcall(ctx.run, ctx, options) then return i end
	end
	return not pcall(ctx.run, ctx) and not pcall(ctx.run, ctx, "ls") and not pcall(ctx.run, ctx, nil)
end}
