package config

import (
	"net/url"
	"slices"
)

// Documents is where the files of applicants are kept.
type Documents struct {
	DocumentsURL string `name:"documents-url" env:"KIBALI_DOCUMENTS_URL" placeholder:"URL" help:"Storage of documents: file:///folder that all processes share, or s3://bucket?region=...&endpoint=... with credentials from the AWS_... variables."`
}

// Location returns the URL of the storage.
func (d Documents) Location(p *Problems) string {
	const do = "give a folder that serve and worker share, such as file:///var/lib/kibali/documents, or s3://BUCKET?region=REGION"
	if !p.need("KIBALI_DOCUMENTS_URL", d.DocumentsURL, do) {
		return ""
	}
	location, err := url.Parse(d.DocumentsURL)
	switch {
	case err != nil || !slices.Contains([]string{"file", "s3", "mem"}, location.Scheme):
		p.add("KIBALI_DOCUMENTS_URL", "is not an address of storage: %s", do)
	case location.Scheme == "file" && (location.Host != "" || location.Path == ""):
		p.add("KIBALI_DOCUMENTS_URL", "does not name a folder by its full path: %s", do)
	case location.Scheme == "s3" && location.Host == "":
		p.add("KIBALI_DOCUMENTS_URL", "does not name a bucket: %s", do)
	}
	return d.DocumentsURL
}

// Cache is where a worker keeps what it would else work out at every start.
type Cache struct {
	CacheDir string `name:"cache-dir" env:"KIBALI_CACHE_DIR" placeholder:"DIR" help:"Private folder for the compiled PDF library, which saves a worker seconds at its start; none when not set."`
}
