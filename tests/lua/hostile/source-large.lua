-- expect: error the file is larger than 1 MiB
-- generate: large
return {}
