-- expect: computing
-- The deadline raises from inside a hook, where no hook runs; handlers are called there.
return {f = function()
	return xpcall(function() while true do end end, function() while true do end end)
end}
