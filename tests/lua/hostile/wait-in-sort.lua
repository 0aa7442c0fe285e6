-- expect: error ctx:sleep cannot wait here
return {f = function(ctx) table.sort({1, 2}, function() ctx:sleep(1) end) end}
