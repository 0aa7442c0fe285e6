-- expect: ok null
return {f = next, g = function() end}
