return {name = "good", feilds = {}, observe = function() end, up = function() end, down = 5}
