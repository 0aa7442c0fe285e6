-- expect: error an error that is no text, but a nil
return {f = function() error() end}
