-- Compares our functions (own.string, own.table) with Lua's: same results, same errors.
-- Run by tests/unit/vm_pattern_test.c with the libraries of a plain state; returns how many
-- calls were compared.
local own, rounds = ...
local compared = 0

local function show(v)
	if type(v) == "string" then return string.format("%q", v) end
	return type(v) == "table" and "table" or tostring(v)
end

local function row(...)
	local t = {}
	for i = 1, select("#", ...) do t[i] = show((select(i, ...))) end
	return table.concat(t, ", ")
end

-- "file:line: ", the function's name and an argument's number (Lua's remove is off by one) are where the two may differ.
local function plain(ok, ...)
	if ok then return "ok " .. row(...) end
	return "error " .. tostring((...)):gsub("^[^:]*:%d+: ", ""):gsub("argument #%d to '[%w_.?]+'", "argument to 'f'")
end

local function same(name, theirs, ours, ...)
	local a, b = plain(pcall(theirs, ...)), plain(pcall(ours, ...))
	compared = compared + 1
	if a ~= b then
		error(("%s(%s)\n  Lua:  %s\n  ours: %s"):format(name, row(...), a, b), 0)
	end
end

local function walk(gmatch)
	return function(s, p, init)
		local t = {}
		for a, b in gmatch(s, p, init) do
			t[#t + 1] = row(a, b)
			if #t > 50 then break end
		end
		return table.concat(t, ";")
	end
end

local function patterns(s, p)
	local S, O = string, own.string
	local init = math.random(-6, 12)
	same("find", S.find, O.find, s, p)
	same("find", S.find, O.find, s, p, init)
	same("find", S.find, O.find, s, p, init, true)
	same("match", S.match, O.match, s, p)
	same("match", S.match, O.match, s, p, init)
	same("gmatch", walk(S.gmatch), walk(O.gmatch), s, p)
	same("gmatch", walk(S.gmatch), walk(O.gmatch), s, p, init)
	same("gsub", S.gsub, O.gsub, s, p, "<%0>")
	same("gsub", S.gsub, O.gsub, s, p, "[%1%%%2]", math.random(0, 3))
	same("gsub", S.gsub, O.gsub, s, p, function(a, b) return a and b and b .. a end)
	same("gsub", S.gsub, O.gsub, s, p, {a = "1", b = false, ab = 2, [""] = "-"})
end

local fixed = {
	{"hello world from lua", "^(%S+) (%S+) (%S+)"}, {"a=1, bc=22", "(%w+)=(%w+)"},
	{"a,b,,c", "[^,]*"}, {"(a(b)c)(d", "%b()"}, {"THE (quick) fox", "%f[%a]%a+%f[%A]"},
	{"xyzzy xyxy", "(%w)(%w)%1%2"}, {"'a \"b' c", "([\"'])(.-)%1"}, {"a$b$", "a$b$"}, {"a$", "a$$"},
	{"abc", "()b()"}, {"  trim  ", "^%s*(.-)%s*$"}, {"", ""}, {"abc", ""}, {"abc", "b*"},
	{"a\0b\0", "%z"}, {"a\0b", "[\0]"}, {"a\0b", "a%z-b"}, {"[]]", "[]]+"}, {"a-z", "[a-]+"},
	{"a-z", "[-z]+"}, {"a-z^", "[^^]+"}, {"]", "[^]]"}, {"abc", "%"}, {"abc", "[a"}, {"abc", "[%"},
	{"abc", "[^"}, {"abc", "[]"}, {"abc", "(a"}, {"abc", "a)"}, {"abc", "%1"}, {"abc", "(a%1)"},
	{"abc", "(a)%2"}, {"abc", "%b"}, {"abc", "%bx"}, {"abc", "%f"}, {"abc", "%fa"}, {"abc", "()%1"},
	{"abc", "^^a"}, {"^a", "%^a"}, {"^a", "^^a"}, {"aaa", "a-"}, {"aaa", "^a-$"}, {"aaab", ".-b"},
	{"x", "x?x?x?x"}, {"abc", ("(a)"):rep(33)}, {"abc", ("()"):rep(32)}, {"abc", ("()"):rep(33)},
	{("a"):rep(300), ("a?"):rep(300)},
	{("ab"):rep(40), ("(a)b"):rep(33)}, {("a"):rep(210), ("a"):rep(199) .. "a*"}, {"%d", "%%d"},
	{"a.b", "a.b"}, {"\xff\xfe", "[\xf0-\xff]+"}, {"\xe4", "%a"}, {"a]b", "[%]b]+"}, {"a", "%g%G"},
	{"0x1F", "%x+%X%x+"}, {"a\nb", "%c"}, {"aBc", "%l%u%L"}, {".,;", "%p+"}, {"a1_", "%w+%W"},
}
for _, f in ipairs(fixed) do patterns(f[1], f[2]) end

local items = {"a", "b", "c", ".", "%a", "%d", "%A", "[ab]", "[^b]", "[a-c]", "(", ")", "()", "*",
	"+", "-", "?", "$", "^", "%1", "%2", "%bab", "%f[ab]", "%f[^%z]", "%", "[", "]", "%%", "\0", "%z",
	"[%a", "[^]", "[b-", "%b", "%f", " ", "(a)", "(.-)", "(b*)", "%s", "%w", "[%s%d]", "-]"}
local letters = {"a", "b", "ab", "c", "1", " ", "$", "^", "(", ")", "%", "\0", "\xe9", "]", "-"}

local function some(from, most)
	local t = {}
	for i = 1, math.random(0, most) do t[i] = from[math.random(#from)] end
	return table.concat(t)
end

for _ = 1, rounds do patterns(some(letters, 10), some(items, 7)) end

-- string.rep
for _, r in ipairs{{"ab", 3}, {"ab", 3, ", "}, {"", 5}, {"", 3, "-"}, {"x", 0}, {"x", -1}, {"x", 1, "y"},
	{12, 2}, {"x", "3"}, {"x", 1.5}, {"x"}, {}, {"x", {}}, {"xx", math.maxinteger}} do
	same("rep", string.rep, own.string.rep, table.unpack(r, 1, 3))
end

-- Tables: what the call returned, and the table afterwards.
local function on_copy(f)
	return function(t, ...)
		local copy, result = {}, nil
		for k, v in pairs(t) do copy[k] = v end
		setmetatable(copy, getmetatable(t))
		result = row(f(copy, ...))
		return result .. " / " .. row(table.unpack(copy, -1, 14))
	end
end

local function tables(name, ...)
	same(name, on_copy(table[name]), on_copy(own.table[name]), ...)
end

local function numbers(n)
	local t = {}
	for i = 1, n do t[i] = math.random(-9, 9) end
	return t
end

for _ = 1, rounds / 10 do
	local t, i, j, k = numbers(math.random(0, 9)), math.random(-3, 12), math.random(-3, 12), math.random(-3, 12)
	tables("insert", t, i)
	tables("insert", t, i, "x")
	tables("insert", t)
	tables("insert", t, 1, 2, 3)
	tables("remove", t)
	tables("remove", t, i)
	tables("move", t, i, j, k)
	tables("concat", t)
	tables("concat", t, "-", i, j)
	tables("concat", {1, {}, 3})
	tables("unpack", t)
	tables("unpack", t, i, j)
	tables("sort", t)
	tables("sort", t, function(a, b) return a > b end)
	tables("sort", t, math.ult)
	same("move", function() return row(table.unpack(table.move(t, i, j, k, {7}), 1, 14)) end,
		function() return row(table.unpack(own.table.move(t, i, j, k, {7}), 1, 14)) end)
end
local big, top = math.maxinteger, math.mininteger
tables("move", {1, 2}, top, big, 1)
tables("move", {1, 2}, 1, 2, big)
tables("unpack", {}, 1, 1e9)
tables("unpack", {}, top, big)
tables("unpack", {}, big - 1, big)
tables("concat", {}, ",", big, big)
tables("concat", {[big] = "x"}, ",", big, big)
tables("sort", {3, "a", 1})
tables("sort", {3, 1}, 5)
tables("sort", {1, 2, 3, 4, 5, 6, 7}, function() return true end)
tables("insert", setmetatable({}, {__len = function() return 3 end}), "x")
tables("insert", setmetatable({}, {__len = function() return "n" end}), "x")
tables("remove", setmetatable({5}, {__len = function() return 0 end}), 0)
tables("remove", setmetatable({1, 2, 3}, {__index = function(_, i) return i end}), 2)
for _, name in ipairs{"insert", "remove", "move", "concat", "sort"} do
	same(name, table[name], own.table[name], nil)
	same(name, table[name], own.table[name], 5, 1, 1, 1)
end
return compared
