-- expect: ok "ranranranranranran"
return {f = function(ctx)
	local m = {}
	local function out() return ctx:run{"ls"}.out end
	m.__index, m.__add, m.__concat, m.__call = out, out, out, out
	m.__pairs = function() return function(_, k) return not k and out() or nil end end
	local t, got = setmetatable({}, m), ""
	for k in pairs(t) do got = got .. k end
	got = got .. t.x .. (t + 1) .. (t .. "y") .. t()
	local _, again = pcall(function() return out() end)
	return got .. again
end}
