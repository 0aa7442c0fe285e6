-- expect: error the file must return one table
return {}, {}
