// Package spec holds the contract between the two sides: the OpenAPI
// document and the SCIM schemas, embedded so that both commands carry them.
package spec

import "embed"

//go:embed openapi.yaml
var openAPI []byte

//go:embed schemas/*.json
var schemas embed.FS

// OpenAPI returns the OpenAPI 3.0.3 document of the server, as YAML. The
// caller may change the returned bytes.
func OpenAPI() []byte {
	return append([]byte(nil), openAPI...)
}

// Schema returns the SCIM schema that schemas/<name>.json holds, in the JSON
// form of Section 7 of RFC 7643. It panics if there is no such file: the
// names are fixed when the program is built.
func Schema(name string) []byte {
	b, err := schemas.ReadFile("schemas/" + name + ".json")
	if err != nil {
		panic(err)
	}
	return b
}
