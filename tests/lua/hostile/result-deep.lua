-- expect: result nested deeper than 32
return {f = function() local t = {}; for _ = 1, 100 do t = {t} end return t end}
