// Command specification writes the specification of the API as it is served: in
// JSON, its members in the same order, and packed.
//
//	specification openapi.yaml openapi.json.gz
package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"

	"github.com/goccy/go-yaml"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: specification openapi.yaml openapi.json.gz")
		os.Exit(2)
	}
	if err := write(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "specification:", err)
		os.Exit(1)
	}
}

func write(from, to string) error {
	written, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	content, err := yaml.YAMLToJSON(written)
	if err != nil {
		return err
	}
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := w.Write(content); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(to, packed.Bytes(), 0o644)
}
