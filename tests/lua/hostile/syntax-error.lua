-- expect: error expected near 'return'
return {f = function( return 1 end}
