-- expect: error the file has no function 'f'
-- Members are looked up raw.
return setmetatable({}, {__index = function() while true do end end})
