-- expect: result a function, where only plain data can be
return {f = function() return {a = {b = print}} end}
