-- expect: memory
return {f = function(ctx)
	local _, why = pcall(ctx.run, ctx, {"large"})
	error(why, 0)
end}
