-- expect: error this table is read-only
return {f = function(_, event) table.insert(event.list, 4) end}
