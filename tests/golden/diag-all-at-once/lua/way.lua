return {conect = function(node) return {"kubectl", "exec", "-i", node.name, "--", "sh"} end}
