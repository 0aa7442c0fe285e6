-- expect: error malformed pattern (missing ']')
return {f = function() return ("a"):match("[a") end}
