module mayfly.test/tools/template

go 1.26.0
