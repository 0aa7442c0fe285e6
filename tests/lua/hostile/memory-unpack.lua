-- expect: error too many results to unpack
return {f = function() return table.unpack({}, 1, 1e7) end}
