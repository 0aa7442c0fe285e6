-- expect: error ctx:http cannot wait here
return {f = function(ctx)
	local _, why = xpcall(error, function() return select(2, pcall(ctx.http, ctx, {url = "http://a/"})) end)
	error(why, 0)
end}
