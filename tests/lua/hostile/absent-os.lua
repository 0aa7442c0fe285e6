-- expect: error attempt to index a nil value (global 'os'): there is no 'os' here, 'dray hooks api' lists what there is
return {f = function(ctx)
	return os.time()
end}
