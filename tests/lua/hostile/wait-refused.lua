-- expect: error no such node
return {f = function(ctx) ctx:run{"refuse"} end}
