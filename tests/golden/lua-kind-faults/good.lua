return {
	name = "good",
	doc = "is as it must be",
	fields = {
		path = {type = "text", required = true, forces = "replace", doc = "where"},
		count = {type = "integer", default = 3, doc = "how many"},
		password = {type = "text", secret = true, doc = "to get in"},
	},
	observe = function(ctx, want) end,
	up = function(ctx, want, change) end,
	down = function(ctx, have) end,
}
