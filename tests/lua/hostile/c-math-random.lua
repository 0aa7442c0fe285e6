-- expect: ok true
return {f = function()
	local ok = pcall(math.random, 0)
	local bad = pcall(math.random, 1, math.mininteger)
	return ok and not bad and math.tointeger(2^53) == 2^53 and not pcall(math.fmod, 1, 0)
		and not pcall(function() return 1 // 0 end)
end}
