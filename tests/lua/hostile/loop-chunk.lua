-- expect: computing
while true do end
