-- expect: ok "wait-refused-caught.lua:2: no such node and ran"
return {f = function(ctx) local _, why = pcall(ctx.run, ctx, {"refuse"})
	if not why:find("no such node", 1, true) then error(why) end
	_, why = pcall(function() ctx:run{"refuse"} end)
	return why:gsub(":%d+:", ":2:") .. " and " .. ctx:run{"ls"}.out end}
