-- expect: error an error that is not a string but a nil
return {f = function() error() end}
