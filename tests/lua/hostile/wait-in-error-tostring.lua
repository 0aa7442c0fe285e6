-- expect: error ctx:run cannot wait here
return {f = function(ctx)
	error(setmetatable({}, {__tostring = function() return ctx:run{"ls"}.out end}))
end}
