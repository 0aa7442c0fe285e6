-- expect: ok "ran"
return {f = function(ctx)
	local got
	do
		local c <close> = setmetatable({}, {__close = function() got = ctx:run{"ls"}.out end})
	end
	return got
end}
