-- expect: ok true
return {f = function(ctx, event)
	return getmetatable("") == nil and getmetatable(ctx) == nil and getmetatable(event) == nil
		and not pcall(setmetatable, ctx, {}) and not pcall(setmetatable, event, {})
		and not pcall(setmetatable, "", {}) and not pcall(setmetatable, print, {})
end}
