-- expect: ok 0
return {f = function() local t = {}; for i = 1, 200000 do t[i] = 0 end return table.unpack(t) end}
