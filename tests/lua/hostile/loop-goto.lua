-- expect: computing
return {f = function() ::top:: goto top end}
