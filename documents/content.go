package documents

import (
	"bytes"

	"github.com/gabriel-vasile/mimetype"
)

// The content types that are accepted.
const (
	ContentTypeJPEG = "image/jpeg"
	ContentTypePNG  = "image/png"
	ContentTypeWebP = "image/webp"
	ContentTypePDF  = "application/pdf"
)

// sniffLength is how many bytes from the start of a file decide its type; all of
// the accepted types are known by far fewer.
const sniffLength = 3072

// detectContentType tells the type from the first bytes of a file. It refuses
// every type that is not accepted.
func detectContentType(head []byte) (string, error) {
	detected := mimetype.Detect(head)
	for _, accepted := range []string{ContentTypeJPEG, ContentTypePNG, ContentTypeWebP, ContentTypePDF} {
		if !detected.Is(accepted) {
			continue
		}
		if accepted == ContentTypePDF && !bytes.HasPrefix(head, []byte("%PDF-")) {
			break // viewers look further for the mark, so what stands before it could be a web page
		}
		return accepted, nil
	}
	return "", refuse(ReasonUnsupportedType)
}

// checkContent refuses a whole file of an accepted type whose content is not
// accepted. It decodes no pixels, runs no PDF library and needs little memory
// beyond data itself.
func checkContent(data []byte, contentType string) error {
	if contentType == ContentTypePDF {
		return checkPDF(data)
	}
	return checkPhoto(data, contentType)
}
