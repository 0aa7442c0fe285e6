-- expect: computing
return {f = function()
	for i = 1, 10 do
		pcall(function()
			local c <close> = setmetatable({}, {__close = function() while true do end end})
			error("x")
		end)
	end
	return pcall(function()
		local a <close> = setmetatable({}, {__close = function() while true do end end})
		local b <close> = setmetatable({}, {__close = function() while true do end end})
		while true do end
	end)
end}
