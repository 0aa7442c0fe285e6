return {name = "image", observe = function() end, up = function() end}
