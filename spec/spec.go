// Package spec holds the contract between the two sides: the OpenAPI
// document and the SCIM schemas, embedded so that both commands carry them.
package spec

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed openapi.yaml
var openAPI []byte

//go:embed schemas/*.json
var schemas embed.FS

//go:embed files/*.schema.json
var files embed.FS

// FileSchemas returns the names of the files whose JSON Schemas there are:
// those that administrators write for the simulator, and the report that it
// writes for them.
func FileSchemas() []string { return []string{"account", "rollout", "report"} }

// FileSchema returns the JSON Schema (draft 2020-12) of such a file.
func FileSchema(name string) ([]byte, error) {
	b, err := files.ReadFile("files/" + name + ".schema.json")
	if err != nil {
		return nil, fmt.Errorf("there is no schema %q; there are %s", name,
			strings.Join(FileSchemas(), ", "))
	}
	return b, nil
}

//go:embed COVERAGE.md
var coverage string

// Coverage returns COVERAGE.md: which scenario or test shows each normative
// statement of the RFCs, and each sentence of the guide.
func Coverage() string { return coverage }

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
