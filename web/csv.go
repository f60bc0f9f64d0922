package web

import (
	"encoding/csv"
	"mime"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
)

// Cell is one cell of a CSV file.
type Cell struct{ content string }

// Number is a cell that holds a number, as it is.
func Number(n string) Cell { return Cell{n} }

// Text is a cell that holds a text. One that a spreadsheet would take for a
// formula gets an apostrophe in front, which makes it a text there.
func Text(s string) Cell {
	if startsFormula(s) {
		s = "'" + s
	}
	return Cell{s}
}

// startsFormula reports whether a spreadsheet may run a text: it begins with a
// sign that starts a formula, in its wide form too, or with white space that is
// dropped before one is looked for.
func startsFormula(s string) bool {
	if s == "" {
		return false
	}
	return strings.ContainsRune("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20", []rune(s)[0]) || s[0] == ' ' && startsFormula(strings.TrimLeft(s, " "))
}

// CSVFile is a CSV file on its way to the client. It is written as it is made,
// whatever its length.
type CSVFile struct {
	c   *gin.Context
	csv *csv.Writer
}

// BeginCSV begins to answer with a file, a download under the given name, whose
// first line are the headings.
func BeginCSV(c *gin.Context, name string, headings ...string) *CSVFile {
	ForFile(c)
	header := c.Writer.Header()
	header.Set("Content-Type", "text/csv; charset=utf-8")
	header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	header.Set("Cache-Control", "private, no-store")
	f := &CSVFile{c: c, csv: csv.NewWriter(c.Writer)}
	f.csv.UseCRLF = true
	c.Status(http.StatusOK)
	cells := make([]Cell, len(headings))
	for i, h := range headings {
		cells[i] = Cell{h}
	}
	f.Row(cells...)
	return f
}

// Row adds a line. It returns false when the client has gone: nobody reads any
// more of it.
func (f *CSVFile) Row(cells ...Cell) bool {
	line := make([]string, len(cells))
	for i, cell := range cells {
		line[i] = cell.content
	}
	if err := f.csv.Write(line); err != nil {
		stateOf(f.c).gone = true
		return false
	}
	return true
}

// More says that there is more to come, and gives the transfer more time.
func (f *CSVFile) More() {
	f.End()
	ForFile(f.c)
}

// End sends what was added.
func (f *CSVFile) End() {
	f.csv.Flush()
	if f.csv.Error() != nil {
		stateOf(f.c).gone = true
	}
	f.c.Writer.Flush()
}

// Fail breaks the file off: only a broken connection tells the client that it
// is not complete. An error before anything was sent is answered as such.
func (f *CSVFile) Fail(err error) { Fail(f.c, err) }
