-- expect: error an error that is no text, but a function
return {f = function() error(print) end}
