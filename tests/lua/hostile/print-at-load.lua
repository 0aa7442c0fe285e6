-- expect: error print is not to be had here
print("x")
return {}
