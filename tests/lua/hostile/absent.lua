-- expect: ok true
local names = {"coroutine", "load", "loadstring", "loadfile", "dofile", "require", "package", "io", "os",
	"debug", "collectgarbage", "rawset", "rawget", "rawequal", "rawlen", "_G", "warn", "module"}
return {f = function()
	for _, name in ipairs(names) do
		if _ENV[name] ~= nil then return name end
	end
	return string.dump == nil
end}
