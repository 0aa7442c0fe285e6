-- expect: error this table is read-only
return {f = function(_, event) event.plan.replace = 0 end}
