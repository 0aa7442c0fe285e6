-- expect: ok "nil no 3 true 1 2 handled: xpcall-works.lua:3: x ran"
return {f = function(ctx)
	local _, why = xpcall(function() error("x") end, function(e) return "handled: " .. e end)
	local ok, a, b = xpcall(function(...) return ... end, print, 1, 2)
	local bad, no = xpcall(error, function(e) return e end, "no", 0)
	local _, out = xpcall(function() return ctx:run{"ls"}.out end, print)
	local _, n = xpcall(function(...) return select("#", ...) end, print, nil, nil, nil)
	assert(not pcall(xpcall) and not pcall(xpcall, print) and not pcall(xpcall, print, 5))
	return table.concat({tostring(bad or nil), no, n, tostring(ok), a, b, why, out}, " ")
end}
