-- expect: error attempt to index a nil value (global 'ctx')
ctx:log("x")
return {}
