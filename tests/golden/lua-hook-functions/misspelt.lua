return {
	after_plan = function() end,
	after_aply = function() end,
}
