-- expect: ok true
return {f = function(ctx)
	for i, text in ipairs{"", "{", "[1,]", '{"a":1,"a":2}', ("["):rep(100), "nan", "\xff", '"\\ud800"'} do
		if pcall(ctx.json, ctx, text) then return i end
	end
	return not pcall(ctx.json, ctx) and not pcall(ctx.json, ctx, {}) and not pcall(ctx.json, ctx, 5)
		and not pcall(ctx.to_json, ctx, print) and not pcall(ctx.to_json, ctx, {1, 2, x = 1})
end}
