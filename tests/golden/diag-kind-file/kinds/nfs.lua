return {
  doc = 7,
  timeout = "long",
  fields = {
    server = {type = "txt", requird = true},
    path = {},
    size = {type = "integer", default = "12", forces = "restart"},
    token = {type = "text", secret = true, default = "x"},
    flags = {type = "list", secret = true},
    ["a b"] = {type = "text"},
    must = {type = "boolean", required = true, default = false},
    odd = "text",
  },
  observe = function(ctx, want) end,
}
