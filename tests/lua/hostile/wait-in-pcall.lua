-- expect: ok "ran"
return {f = function(ctx)
	local ok, r = pcall(pcall, function() return ctx:run{"ls"} end)
	local _, out = pcall(function() return ctx:run{"ls"}.out end)
	return out
end}
