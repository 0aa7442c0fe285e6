-- expect: error too many local variables
-- generate: locals
return {}
