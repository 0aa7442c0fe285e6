return {after_plan = function() end}
