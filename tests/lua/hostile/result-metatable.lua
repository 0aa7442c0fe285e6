-- expect: ok {"a":1}
-- Metatables of a result are not asked: it is read raw, and nothing of the script runs.
return {f = function()
	return setmetatable({a = 1}, {__index = error, __pairs = error, __len = error, __tostring = error})
end}
