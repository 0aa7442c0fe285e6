-- expect: error ctx:run cannot wait here
return {f = function(ctx)
	local t = setmetatable({}, {__index = function() return ctx:run{"ls"}.out end})
	return table.concat(t, "", 1, 2)
end}
