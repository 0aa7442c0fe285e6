-- expect: ok true
return {f = function(ctx)
	local bad = {{}, {url = ""}, {url = "file:///etc/passwd"}, {url = "http://a/\0"}, {"http://a/"},
		{url = "http://a/", method = "get"}, {url = "http://a/", method = "GET /\r\nHost: x"},
		{url = "http://a/", method = ""}, {url = "http://a/", headers = {"x"}},
		{url = "http://a/", headers = {["A\r\nB"] = "x"}}, {url = "http://a/", headers = {A = "x\r\nB: y"}},
		{url = "http://a/", headers = {[""] = "x"}}, {url = "http://a/", headers = {A = 1}},
		{url = "http://a/", body = "x", json = {}}, {url = "http://a/", body = {}},
		{url = "http://a/", json = print}, {url = "http://a/", json = 0/0}, {url = 5}}
	for i, options in ipairs(bad) do
		if pcall(ctx.http, ctx, options) then return i end
	end
	return true
end}
