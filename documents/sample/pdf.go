package sample

import (
	"bytes"
	"fmt"
	"strings"
)

// PDF returns a valid PDF of one A4 page with a title and lines of text below
// it, as many as fit. Characters beyond ASCII become question marks. The same
// arguments give the same bytes.
func PDF(title string, lines ...string) []byte {
	const linesPerPage = 42
	var text strings.Builder
	fmt.Fprintf(&text, "0.10 0.35 0.25 rg 56 776 483 3 re f 0 g\nBT /F2 20 Tf 56 790 Td (%s) Tj ET\n", escaped(title))
	text.WriteString("BT /F1 11 Tf 16 TL 56 744 Td\n")
	for _, line := range lines[:min(len(lines), linesPerPage)] {
		fmt.Fprintf(&text, "(%s) Tj T*\n", escaped(line))
	}
	text.WriteString("ET\n")

	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 6 0 R /Resources << /Font << /F1 4 0 R /F2 5 0 R >> >> >>",
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", text.Len(), text.String()),
	}
	var file bytes.Buffer
	file.WriteString("%PDF-1.4\n")
	offsets := make([]int, len(objects))
	for i, object := range objects {
		offsets[i] = file.Len()
		fmt.Fprintf(&file, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	table := file.Len()
	fmt.Fprintf(&file, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, offset := range offsets {
		fmt.Fprintf(&file, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&file, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, table)
	return file.Bytes()
}

func escaped(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, strings.NewReplacer(`\`, `\\`, `(`, `\(`, `)`, `\)`).Replace(text))
}
