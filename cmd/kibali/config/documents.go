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
	return storage(p, "KIBALI_DOCUMENTS_URL", d.DocumentsURL, do)
}

// Heads is where the heads of sealed chains are published.
type Heads struct {
	HeadsURL string `name:"heads-url" env:"KIBALI_HEADS_URL" placeholder:"URL" help:"Storage of the heads of the sealed chains, best a bucket with object lock that those who administer the database cannot change; that of documents when not set."`
}

// HeadsLocation returns the URL of the storage, "" when it is that of documents.
func (h Heads) HeadsLocation(p *Problems) string {
	if h.HeadsURL == "" {
		return ""
	}
	return storage(p, "KIBALI_HEADS_URL", h.HeadsURL, "give a folder, such as file:///var/lib/kibali/heads, or s3://BUCKET?region=REGION")
}

// storage checks the URL of a storage, and returns it.
func storage(p *Problems, variable, value, do string) string {
	location, err := url.Parse(value)
	switch {
	case err != nil || !slices.Contains([]string{"file", "s3", "mem"}, location.Scheme):
		p.add(variable, "is not an address of storage: %s", do)
	case location.Scheme == "file" && (location.Host != "" || location.Path == ""):
		p.add(variable, "does not name a folder by its full path: %s", do)
	case location.Scheme == "s3" && location.Host == "":
		p.add(variable, "does not name a bucket: %s", do)
	}
	return value
}

// Cache is where a worker keeps what it would else work out at every start.
type Cache struct {
	CacheDir string `name:"cache-dir" env:"KIBALI_CACHE_DIR" placeholder:"DIR" help:"Private folder for the compiled PDF library, which saves a worker seconds at its start; none when not set."`
}
