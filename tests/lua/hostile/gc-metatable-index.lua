-- expect: ok false
-- The key is looked up raw: a __gc behind __index counts for neither.
local m = setmetatable({}, {__index = {__gc = function() while true do end end}})
return {f = function()
	for i = 1, 3000 do setmetatable({}, m) end
	return false
end}
