-- expect: error this table is read-only
return {f = function(_, event) table.sort(event.list) end}
