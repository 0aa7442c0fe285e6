return {name = "Not a name", fields = {1, 2}, observe = function() end, up = function() end}
