-- expect: computing
return {f = function() table.move({}, 1, math.maxinteger - 1, 1) end}
