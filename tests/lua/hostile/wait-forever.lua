-- expect: given up
return {f = function(ctx)
	local c <close> = setmetatable({}, {__close = function() while true do end end})
	ctx:run{"forever"}
end}
