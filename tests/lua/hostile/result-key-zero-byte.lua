-- expect: result a key with a zero byte
return {f = function() return {["a\0b"] = 1} end}
