-- expect: computing
setmetatable(_ENV, {__index = function() while true do end end})
return {f = function() return nothing end}
