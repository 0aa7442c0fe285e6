-- expect: error an error that is no text, but a boolean
error(false)
