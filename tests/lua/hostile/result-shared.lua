-- expect: result more than 200000 values
-- cpu
-- A small table that means 2^30 values.
return {f = function() local t = {1}; for _ = 1, 30 do t = {t, t} end return t end}
