-- expect: error print is not available here
print("x")
return {}
