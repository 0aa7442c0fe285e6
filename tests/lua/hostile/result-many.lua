-- expect: result more than 200000 values
return {f = function() local t = {}; for i = 1, 200001 do t[i] = i end return t end}
