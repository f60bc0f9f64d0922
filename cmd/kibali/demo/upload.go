package demo

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"kibali/documents/sample"
	"kibali/domain/account"
	"kibali/service"
	"kibali/store"
)

// upload hands in a document, unless it is there, and waits until it can be
// looked at.
func (l *loading) upload(ctx context.Context, kind account.DocumentKind) error {
	present, err := l.Reader.Documents(ctx, l.id)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(present, func(d store.Document) bool { return d.Kind == string(kind) })
	var document store.Document
	if i >= 0 {
		document = present[i]
	} else {
		name, content := l.paper(kind)
		document, err = l.Service.Upload(ctx, l.user, l.id, service.Upload{
			FileName: name, Body: bytes.NewReader(content), Kind: func() (string, error) { return string(kind), nil },
		})
		if err != nil {
			return fmt.Errorf("upload %s: %w", kind, err)
		}
	}
	return until(ctx, fmt.Sprintf("%s was not prepared", kind), func() (bool, error) {
		current, err := l.Reader.Document(ctx, document.ID)
		return err == nil && current.Status == store.DocumentReady, err
	})
}

// paper makes the document: a photo of an identity card, else a certificate.
func (l *loading) paper(kind account.DocumentKind) (name string, content []byte) {
	if kind == account.DirectorID {
		return "director-id.jpg", sample.JPEG(800, 560, int64(l.number))
	}
	application := l.company.application(l.number)
	titles := map[account.DocumentKind]string{
		account.TINCertificate: "Certificate of Registration for Taxpayer Identification Number", account.BusinessLicence: "Business Licence",
	}
	return string(kind) + ".pdf", sample.PDF(titles[kind],
		"SAMPLE - NOT A REAL DOCUMENT", "",
		"Name: "+application.Company.Name,
		"TIN: "+application.Company.TIN,
		"Registration number: "+application.Company.RegistrationNumber,
		"Address: "+l.company.street+", "+l.company.place,
		"Director: "+application.Name,
	)
}
