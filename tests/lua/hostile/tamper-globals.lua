-- expect: ok true
-- What a script does to its own globals is its own affair, and its state's only.
return {f = function(ctx)
	for _, t in ipairs{string, table, math, utf8} do
		for k in pairs(t) do t[k] = false end
	end
	pairs, ipairs, next, type, tostring, error, pcall, print = nil
	ctx:log("%d of %s", 5, "those")
	string = nil
	return ctx:json('{"a":[1,2]}').a[2] == 2 and ctx:to_json({1}) == "[1]"
end}
-- once
