-- expect: error more than 200000 values
return {f = function(ctx)
	local argv = {}
	for i = 1, 200001 do argv[i] = "" end
	ctx:run{argv = argv}
end}
