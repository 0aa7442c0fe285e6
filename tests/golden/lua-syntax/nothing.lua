-- forgot to return it
local hook = {after_plan = function() end}
