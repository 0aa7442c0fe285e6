-- expect: memory
-- What a failed call left in the state stays there, and nothing else breaks.
kept = kept or {}
return {f = function() while true do kept[#kept + 1] = ("x"):rep(1000) .. #kept end end}
