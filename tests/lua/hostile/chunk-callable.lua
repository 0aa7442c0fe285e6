-- expect: error the file has no function 'f'
return {f = setmetatable({}, {__call = function() end})}
