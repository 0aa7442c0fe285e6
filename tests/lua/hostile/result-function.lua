-- expect: result a function, where only plain data is possible
return {f = function() return {a = {b = print}} end}
