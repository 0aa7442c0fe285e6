-- expect: given up
return {f = function(ctx, event)
	local t <close> = setmetatable({}, {__close = function() error("x") end})
	pcall(function() for k in pairs(event) do ctx:run{"forever"} end end)
end}
