-- expect: memory
return {f = function(ctx) return #ctx:run{"large"}.out end}
