-- expect: error from close
return {f = function()
	local c <close> = setmetatable({}, {__close = function() error("from close") end})
	error("from the body")
end}
