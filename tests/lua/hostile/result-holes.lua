-- expect: result a list with a hole
return {f = function() return {1, nil, 3} end}
