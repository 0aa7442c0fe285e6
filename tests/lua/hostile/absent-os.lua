-- expect: error attempt to index a nil value (global 'os'): 'os' is not available here, 'dray hooks api' lists what is
return {f = function(ctx)
	return os.time()
end}
