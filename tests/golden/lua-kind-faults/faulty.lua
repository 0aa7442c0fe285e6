return {
	name = "serve",
	doc = 7,
	fields = {
		path = {type = "txt", required = true},
		size = {type = "integer", default = "big"},
		when = {type = "text", forces = "restart"},
		what = "text",
	},
	up = function() end,
}
