-- expect: error invalid UTF-8 code
return {f = function() for _ in utf8.codes("\xff\xff") do end end}
