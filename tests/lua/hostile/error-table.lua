-- expect: error an error that is not a string but a table
return {f = function() error({code = 7}) end}
