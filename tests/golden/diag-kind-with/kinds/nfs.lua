-- mounts an export
return {
  name = "nfs",
  doc = "an NFS export, mounted",
  fields = {
    server = {type = "text", required = true, doc = "where it is"},
    path = {type = "text", required = true, forces = "replace"},
    version = {type = "integer", default = 4},
    ro = {type = "boolean", default = false},
    options = {type = "list", default = {"hard"}},
    env = {type = "map"},
    password = {type = "text", secret = true},
    note = {type = "text", forces = "none"},
  },
  observe = function(ctx, want) return nil end,
  up = function(ctx, want, change) end,
  down = function(ctx, have) end,
}
