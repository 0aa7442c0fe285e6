return {
  nodes = function(ctx)
    return {{name = "gpu-1", host = "192.0.2.1", gpus = "two"}, {name = "gpu-2", host = "192.0.2.2", lables = {a = "b"}}}
  end,
}
