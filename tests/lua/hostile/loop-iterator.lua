-- expect: computing
return {f = function() for _ in function() return 1 end do end end}
