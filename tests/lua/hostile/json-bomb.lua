-- expect: memory
return {f = function(ctx) local t = {}
	while true do t[#t + 1] = ctx:json("[" .. ("[],"):rep(190000) .. "1]") end
end}
