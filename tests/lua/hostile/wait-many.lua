-- expect: ok 2000
return {f = function(ctx)
	local n = 0
	for i = 1, 2000 do n = n + (ctx:run{"ls"}.status == 0 and 1 or 0) end
	return n
end}
