-- expect: error an error that is no text, but a table
return {f = function() error({code = 7}) end}
