-- expect: error
return {f = function() assert(xpcall(error, function() error("in the handler") end)) end}
