-- expect: memory
return {f = function()
	local t = {}
	while true do t[#t + 1] = {} end
end}
