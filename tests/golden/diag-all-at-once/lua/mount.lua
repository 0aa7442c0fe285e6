return {
  name = "mount",
  fields = {device = {type = "txt"}},
  observe = function(ctx, want) return nil end,
  up = function(ctx, want, change) end
