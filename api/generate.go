package api

//go:generate go tool -modfile=../tools/lint/go.mod oapi-codegen -config oapi-codegen.yaml openapi.yaml
//go:generate go run ../house/specification openapi.yaml openapi.json.gz
