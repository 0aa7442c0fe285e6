-- expect: ok true
return {f = function(ctx, event)
	return not getmetatable("") and not getmetatable(ctx) and not getmetatable(event)
		and not pcall(setmetatable, ctx, {}) and not pcall(setmetatable, event, {})
		and not pcall(setmetatable, "", {}) and not pcall(setmetatable, print, {})
end}
