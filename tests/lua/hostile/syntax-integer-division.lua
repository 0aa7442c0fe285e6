-- expect: error attempt to
return {f = function() return 1 // 0 end}
