-- expect: computing
return {f = function(ctx)
	ctx:run{"ls"}
	while true do end
end}
