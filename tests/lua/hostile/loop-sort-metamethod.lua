-- expect: computing
local m = {__lt = function() while true do end end}
return {f = function() table.sort{setmetatable({}, m), setmetatable({}, m), setmetatable({}, m)} end}
