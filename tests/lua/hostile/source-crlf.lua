-- expect: error line four

return {f = function()
	error('line four') end}
