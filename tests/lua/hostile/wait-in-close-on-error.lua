-- expect: error the body failed
return {f = function(ctx)
	local c <close> = setmetatable({}, {__close = function() ctx:run{"umount", "/x"} end})
	error("the body failed")
end}
