-- expect: error code 7
return {f = function() error(setmetatable({}, {__tostring = function() return "code 7" end})) end}
