package doctor

import (
	"context"
	"errors"
	"strings"

	"kibali/documents"
)

func examineDocuments(ctx context.Context, i Installation) Findings {
	f := &findings{area: "documents"}
	if i.Documents == "" {
		f.skip("", "KIBALI_DOCUMENTS_URL is missing")
		return f.list
	}
	if err := examineStorage(ctx, i.Documents); err != nil {
		f.add(Failed, "", "Check KIBALI_DOCUMENTS_URL, and that this process may write, read and delete there.", "%s", cause(err))
		return f.list
	}
	switch scheme, _, _ := strings.Cut(i.Documents, ":"); scheme {
	case "mem":
		f.add(Failed, "", "Use file:// or s3://.", "documents are kept in memory and lost at the end")
	case "file":
		f.ok("", "written, read and deleted in a folder; every serve and worker must see the same one")
	default:
		f.ok("", "written, read and deleted")
	}
	return f.list
}

func examineStorage(ctx context.Context, location string) error {
	storage, err := documents.Open(ctx, location)
	if err != nil {
		return err
	}
	return errors.Join(storage.Check(ctx), storage.Close())
}
