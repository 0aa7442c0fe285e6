-- expect: error an error that is not a string but a boolean
error(false)
