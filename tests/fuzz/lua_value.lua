-- What lua_value_fuzz.c runs, behind a line of its own: local BYTES = "...". The bytes are a
-- little program that builds a value of any kind.
local SPECIAL = {math.mininteger, math.maxinteger, 2^53, 1e308, 5e-324, -0.0, 1/0, -1/0, 0/0, 3.0}
local WORDS = {"", "a", "argv", "node", "stdin", "timeout", "check", "url", "http://a/b", "method",
	"POST", "headers", "Content-Type", "body", "json", "seconds", "\0", "a\0b", "\xff\xfe", "\xc3\xbc",
	"\27[31m", "a\r\nb: c", "__gc", "1", "%s%d", "\u{10ffff}", "\u{2028}", "ls", "true", "name"}
local LARGE = 200
local at, tables, given

local function byte()
	at = at + 1
	return BYTES:byte(at) or 0
end

local function bytes(n)
	local s = BYTES:sub(at + 1, at + n)
	at = at + n
	return s .. ("\0"):rep(n - #s)
end

local function new(t)
	tables[#tables + 1] = t
	return t
end

-- A key that is none, a table that is none or does not take it: nothing happens.
local function put(t, k, v)
	pcall(function() t[k] = v end)
end

local make

local function key()
	local kind = byte() % 8
	if kind < 3 then return WORDS[byte() % #WORDS + 1] end
	if kind == 3 then return byte() % 6 end
	if kind == 4 then return (byte() - 128) / 2 end
	if kind == 5 then return bytes(byte() % 8) end
	return make(60)
end

-- How many values it is, at most LARGE: what is larger takes too long here.
local function size(x, n)
	n = (n or 0) + 1
	if type(x) ~= "table" then return n end
	for _, item in next, x do
		if n >= LARGE then return LARGE end
		n = size(item, n)
	end
	return n
end

local META = {
	function(t) return {__index = t, __len = function() return 1e9 end} end,
	function() return {__index = function() error("__index") end, __metatable = "mine"} end,
	function() return {__pairs = function() error("__pairs") end, __len = function() error("__len") end} end,
	function() return {__tostring = function() return "shown" end, __name = "name"} end,
	function() return {__tostring = function() error({}) end, __eq = function() error("__eq") end} end,
	function() return {__newindex = function() error("__newindex") end} end,
}

local makers = {
	function() return nil end,
	function() return byte() % 2 == 0 end,
	function() return byte() - 128 end,
	function() return (string.unpack("<i8", bytes(8))) end,
	function() return (string.unpack("<d", bytes(8))) end,
	function() return bytes(byte()) end,
	function() return WORDS[byte() % #WORDS + 1] end,
	function() return SPECIAL[byte() % #SPECIAL + 1] end,
	function() return ({print, make, string.format, next})[byte() % 4 + 1] end,
	function() return given[byte() % #given + 1] end,
	function() return tables[byte() % (#tables + 1)] end,           -- shared, or a cycle
	function(depth)                                                 -- a list
		local t = new({})
		for i = 1, byte() % 5 do put(t, i, make(depth)) end
		return t
	end,
	function(depth)                                                 -- names
		local t = new({})
		for _ = 1, byte() % 5 do put(t, WORDS[byte() % #WORDS + 1], make(depth)) end
		return t
	end,
	function(depth)                                                 -- keys of any kind
		local t = new({})
		for _ = 1, byte() % 5 do
			put(t, key(), make(depth))
		end
		return t
	end,
	function(depth)
		local t = make(depth)
		if type(t) ~= "table" or not pcall(setmetatable, t, META[byte() % #META + 1](t)) then return t end
		return t
	end,
	function(depth)                                                 -- deep
		local t = make(depth)
		for i = 1, byte() % 40 do t = new(i % 2 == 0 and {t} or {a = t}) end
		return t
	end,
	function(depth)                                                 -- twice as many each time
		local t = make(depth)
		for _ = 1, byte() % 12 do t = size(t) < LARGE and {t, t} or t end
		return t
	end,
	function(depth)                                                 -- wide
		local t, x = new({}), make(depth)
		for i = 1, math.min(byte() * 8, LARGE // size(x)) do put(t, i, x) end
		return t
	end,
	function(depth)                                                 -- a hole
		local t = make(depth)
		put(t, key(), nil)
		return t
	end,
	function(depth) return {table.unpack({make(depth), make(depth), n = make(depth)}, 1, byte() % 4)} end,
}

function make(depth)
	if depth > 60 then return byte() end
	return makers[byte() % #makers + 1](depth + 1)
end

local function build(ctx, v)
	at, tables, given = 0, {}, {v or false, ctx or false, type(v) == "table" and select(2, next(v)) or false}
	return make(0)
end

-- The same judgement as lua/vm_value.c, made in another way: a text that tells all of a value, as
-- lua_value_fuzz.c makes it of a struct value; or nil when it is no plain data.
local function digest(v, data)
	local out, open, nodes, size = {}, {}, 0, 0
	local walk

	local function tell(s) out[#out + 1] = s end

	local function walk_table(x, depth)
		local item, names, last, positions = {}, {}, 0, 0
		if open[x] or depth == 32 then return false end
		for k, y in next, x do
			if math.type(k) == "integer" and k > 0 then
				positions, last = positions + 1, math.max(last, k)
			elseif type(k) ~= "string" or k:find("\0", 1, true) then
				return false
			elseif not (data and type(y) == "function") then
				names[#names + 1] = k
			end
			item[k] = y
		end
		if last ~= positions or (last > 0 and #names > 0) then return false end
		open[x] = true
		tell((last > 0 and "l" or "m") .. last + #names)
		for i = 1, last do
			if not walk(item[i], depth + 1) then return false end
		end
		table.sort(names)
		for _, k in ipairs(names) do
			size = size + #k
			tell(k .. "=")
			if not walk(item[k], depth + 1) then return false end
		end
		open[x] = nil
		return true
	end

	function walk(x, depth)
		nodes = nodes + 1
		if nodes > 200000 or size > 16 << 20 then return false end
		if x == nil then tell("n")
		elseif type(x) == "boolean" then tell(x and "T" or "F")
		elseif math.type(x) == "integer" then tell("i" .. x)
		elseif type(x) == "number" then
			tell(("d%a"):format(x))
			return x - x == 0
		elseif type(x) == "string" then
			size = size + #x
			tell("t" .. #x .. ":" .. x)
		else
			return type(x) == "table" and walk_table(x, depth)
		end
		return size <= 16 << 20
	end

	return walk(v, 0) and table.concat(out) or nil
end

-- What is here with a name "must_..." must not fail.
local M = {}

function M.must_digest(_, v) return digest(v) end

function M.must_copy(ctx, v)
	local copy = ctx:json(ctx:to_json(v))
	assert(digest(copy) == digest(v), "the copy is another")
	return copy
end

-- All ways to read a view.
function M.must_read(_, v)
	local function read(x)
		if type(x) ~= "table" then return end
		local n = 0
		for k, item in pairs(x) do
			n = n + 1
			assert(x[k] == item, "x[k]")
			read(item)
		end
		for i in ipairs(x) do assert(i <= #x, "ipairs") end
		assert(#x == 0 or #x == n, "#")
		assert(select("#", table.unpack(x)) == #x, "unpack")
		assert(#table.move(x, 1, #x, 1, {}) == #x, "move")
		pcall(table.concat, x, ",")
		pcall(table.sort, x)
		assert(not pcall(function() x[1] = 1 end) and not pcall(table.insert, x, 1), "it was changed")
		assert(tostring(x):find("^[{%[]") and not getmetatable(x))
		assert(x[0] == nil and x[-1] == nil and x[#x + 1] == nil and x[1.5] == nil and x[x] == nil, "none")
		assert(not pcall(next, x, {}), "next")
	end
	read(v)
end

function M.must_build(ctx, v)
	local x = build(ctx, v)
	return x, digest(x)
end

function M.must_json(ctx, v)
	local x = build(ctx, v)
	local ok, text = pcall(ctx.to_json, ctx, x)
	assert(ok == (digest(x) ~= nil), text)
	assert(not ok or #text > 16 << 20 or ctx:to_json(ctx:json(text)) == text, "JSON, once more")
end

-- These wait, if the options are any good; what comes is another copy.
function M.must_run(ctx, v)
	local ok, r = pcall(ctx.run, ctx, build(ctx, v))
	return ok, ok and digest(r) or r
end

function M.must_http(ctx, v)
	local x = build(ctx, v)
	local ok, r = pcall(ctx.http, ctx, x)
	if type(x) == "table" and not ok then
		ok, r = pcall(ctx.http, ctx, {url = "http://a/b", method = "PUT", json = x})
	end
	if ok then pcall(r.json, r) end
	return ok, ok and digest(r) or r
end

function M.must_say(ctx, v)
	local x = build(ctx, v)
	pcall(ctx.log, ctx, x)
	pcall(ctx.warn, ctx, x, x, v, 1)
	pcall(ctx.log, ctx, "%s %s %d %q", x, v, ctx, x)
	pcall(print, x, v, ctx)
	pcall(ctx.sleep, ctx, x)
	pcall(ctx.secret, ctx, x)
	pcall(ctx.file, ctx, x)
	pcall(ctx.json, ctx, x)
end

function M.throw(ctx, v) error(build(ctx, v)) end

local ok, data = pcall(build)
M.data = ok and type(data) ~= "function" and data or nil
M.data_digest = digest(M.data, true)
return M
