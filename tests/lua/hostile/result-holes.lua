-- expect: result a list with holes
return {f = function() return {1, nil, 3} end}
