-- one line of code makes all nodes, so each has its mistakes
return {
  nodes = function(ctx)
    local list = {}
    for i = 1, ctx.config.count do
      list[i] = {host = "192.0.2." .. i, gpu = 2, executor = "kubectl"}
    end
    return list
  end,
}
