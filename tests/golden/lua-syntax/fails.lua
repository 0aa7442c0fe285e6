local limits = {}
local max = limits.replace.count
return {}
