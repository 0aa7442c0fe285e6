-- expect: error unfinished long string
return [[
