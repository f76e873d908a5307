// Package features embeds the feature files, so that commands carry them.
package features

import "embed"

//go:embed *.feature protocol/*.feature
var files embed.FS

// Files returns the feature files: those about the application and the
// provider at the top, those about the protocol, which need nothing but
// SCIM, in the folder protocol.
func Files() embed.FS { return files }
