-- expect: error the file returns nothing; it must end with 'return' and a table
local f = function() end
