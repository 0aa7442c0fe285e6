-- expect: error C stack overflow
local function deep() return ("x"):gsub(".", deep) end
return {f = function() return (deep()) end}
