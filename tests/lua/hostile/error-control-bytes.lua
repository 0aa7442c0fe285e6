-- expect: error red\x1b[31m bell\x07 del\x7f \x9b
return {f = function() error("red\27[31m bell\7 del\127 \u{9b}") end}
