-- expect: ok true
return {f = function(ctx)
	return ctx[1] == nil and ctx[print] == nil and ctx["a\0b"] == nil and ctx.nothing == nil
		and not pcall(function() return ctx[nil] + 1 end) and next(ctx) == "config"
end}
