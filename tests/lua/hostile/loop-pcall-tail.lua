-- expect: computing
-- Nothing of the function is left to run once pcall has caught the deadline.
return {f = function() return pcall(function() while true do end end) end}
