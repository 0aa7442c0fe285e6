-- expect: ok [true,true,true]
return {f = function() return {rawset == nil, rawget == nil, rawequal == nil} end}
