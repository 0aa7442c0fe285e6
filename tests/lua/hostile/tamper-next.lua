-- expect: error invalid key to 'next'
return {f = function(_, event) next(event, "nothing") end}
