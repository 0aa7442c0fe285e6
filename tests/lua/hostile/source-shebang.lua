#!/usr/bin/lua
-- expect: ok 2
return {f = function() return 2 end}
