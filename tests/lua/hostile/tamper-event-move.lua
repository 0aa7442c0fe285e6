-- expect: error this table is read-only
return {f = function(_, event) table.move({7, 8}, 1, 2, 1, event.list) end}
