-- expect: result a key that contains a zero byte
return {f = function() return {["a\0b"] = 1} end}
