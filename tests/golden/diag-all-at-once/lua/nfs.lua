return {
  name = "nfs",
  fields = {
    server = {type = "text", required = true},
    path = {type = "text", required = true},
    ro = {type = "boolean"},
  },
  observe = function(ctx, want) return nil end,
  up = function(ctx, want, change) end,
}
