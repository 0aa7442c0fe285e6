-- expect: result the table is inside itself
return {f = function() local t = {}; t.inner = {t}; return t end}
