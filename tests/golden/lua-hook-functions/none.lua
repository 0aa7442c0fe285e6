return {name = "x", helper = function() end}
