return {name = "good", observe = function() end, up = function() end}
