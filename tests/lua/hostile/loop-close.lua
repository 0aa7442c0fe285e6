-- expect: computing
return {f = function()
	local c <close> = setmetatable({}, {__close = function() while true do end end})
	return 1
end}
