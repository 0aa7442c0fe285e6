-- expect: error an error that is not a string but a function
return {f = function() error(print) end}
