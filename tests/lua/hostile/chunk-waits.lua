-- expect: error attempt to
local r = ctx.run{"ls"}
return {}
