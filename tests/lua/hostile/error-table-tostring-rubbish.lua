-- expect: error '__tostring' must return a string
return {f = function() error(setmetatable({}, {__tostring = function() return {} end})) end}
