-- expect: error
-- expect-not: ‮
return {f = function() error("\u{202e}txet") end}
