-- expect: error C stack overflow
local function deep() table.sort({2, 1}, deep) return true end
return {f = deep}
