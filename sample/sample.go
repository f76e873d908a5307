// Package sample is the sample company: its account at the provider, a rollout, and what
// was made by hand at the application before SCIM.
package sample

import "embed"

//go:embed account.yaml users.csv rollout.yaml acme-by-hand.txt globex-by-hand.txt
var files embed.FS

// Read returns a file of the company.
func Read(name string) ([]byte, error) { return files.ReadFile(name) }
