-- expect: ok "x"
-- What it showed lives as long as the state.
local kept
return {
	f = function(ctx, event) kept = {ctx, event} end,
	g = function() return kept[1].config.name end,
}
