package documents

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
)

// The bounds of a scan. A well-formed file is walked once and the object streams
// of a 10 MB file inflate to a few megabytes.
const (
	maxWalkFactor  = 4        // bytes walked per byte of the file
	maxWalkExtra   = 1 << 20  // and these on top, for small files
	maxInflated    = 64 << 20 // bytes inflated from all object streams together
	inflateWindow  = 64 << 10
	maxContainers  = 10_000 // object streams; writers put a hundred objects or so into each
	longestRawName = 64     // bytes of an escaped name that matters, with its slash and delimiter
)

// checkPDF refuses a PDF that is encrypted, can act by itself or carries files.
//
// It does not follow the file's own tables, which viewers read in different ways
// and repair differently, so that what one viewer skips another runs. Every name
// in the file counts, whatever escapes it is written with and whether any table
// leads to it or not: in the raw bytes, and in the object streams, the one place
// where objects can be compressed. An object stream that is packed in another
// way than writers of PDF do is refused for that alone.
//
// The price is that a file is refused for text such as "HTML/JavaScript" in its
// title; in compressed page text it is not seen.
func checkPDF(data []byte) error {
	if reason := forbiddenName(data, false); reason != "" {
		return refuse(reason)
	}
	scan := pdfScan{data: data, walkLeft: maxWalkFactor*len(data) + maxWalkExtra, inflateLeft: maxInflated}
	objects := false
	for at := range keywordsObj(data) {
		objects = objects || (at < len(data) && !isRegular(data[at]))
		if reason := scan.object(at); reason != "" {
			return refuse(reason)
		}
	}
	if !objects {
		return refuse(ReasonDamaged)
	}
	return nil
}

// keywordsObj yields the position after every "obj" that may begin an object.
func keywordsObj(data []byte) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		keyword := []byte("obj")
		for at := 0; ; {
			i := bytes.Index(data[at:], keyword)
			if i < 0 {
				return
			}
			start := at + i
			at = start + len(keyword)
			if start == 0 || (isRegular(data[start-1]) && !isDigit(data[start-1])) {
				continue // "endobj", or a part of a word
			}
			if !yield(at) {
				return
			}
		}
	}
}

// pdfScan walks the objects of one file within its bounds.
type pdfScan struct {
	data        []byte
	walkLeft    int
	inflateLeft int
	containers  int
	inflater    io.ReadCloser
	window      []byte
}

// pdfObject is what a walk learnt about one object up to its stream.
type pdfObject struct {
	open        []byte // the brackets that are not closed yet: '<' for a dictionary, '['
	mismatched  bool
	container   bool // names that only the dictionary of an object stream has
	filterKey   bool
	flates      int
	otherCoding bool
}

// object walks one object from behind its "obj" and returns why the file must be
// refused, or "".
func (s *pdfScan) object(at int) Reason {
	var o pdfObject
	start := at
	t := pdfTokens{data: s.data, at: at}
	for {
		kind, text := t.next()
		if t.at-start > s.walkLeft {
			return ReasonTooComplex
		}
		switch kind {
		case tokenEnd:
			s.walkLeft -= t.at - start
			return ""
		case tokenName:
			if reason := reasonOf(text, true); reason != "" {
				return reason
			}
			o.name(text)
		case tokenOpen:
			o.open = append(o.open, text[0])
		case tokenClose:
			o.close(text[0])
		case tokenWord:
			if string(text) == "stream" {
				s.walkLeft -= t.at - start
				return s.stream(o, t.at)
			}
			if len(o.open) == 0 && (string(text) == "endobj" || string(text) == "obj") {
				s.walkLeft -= t.at - start
				return ""
			}
		}
	}
}

func (o *pdfObject) name(name []byte) {
	switch string(name) {
	case "ObjStm", "First":
		o.container = true
	case "Filter":
		o.filterKey = true
	case "FlateDecode", "Fl":
		o.flates++
	case "ASCIIHexDecode", "AHx", "ASCII85Decode", "A85", "LZWDecode", "LZW", "RunLengthDecode", "RL",
		"CCITTFaxDecode", "CCF", "DCTDecode", "DCT", "JBIG2Decode", "JPXDecode", "BrotliDecode", "Crypt", "Predictor":
		o.otherCoding = true
	}
}

func (o *pdfObject) close(bracket byte) {
	last := len(o.open) - 1
	if last < 0 || o.open[last] != bracket {
		o.mismatched = true
		return
	}
	o.open = o.open[:last]
}

// stream looks into a stream when it may hold objects. Page contents, pictures
// and fonts cannot, and are left to the renderer.
func (s *pdfScan) stream(o pdfObject, at int) Reason {
	if o.mismatched || len(o.open) > 0 {
		// A viewer that repairs this dictionary may find another one than we did.
		return ReasonDamaged
	}
	if !o.container {
		return ""
	}
	if s.containers++; s.containers > maxContainers {
		return ReasonTooComplex
	}
	body := s.data[at:]
	body = bytes.TrimPrefix(body, []byte("\r"))
	body = bytes.TrimPrefix(body, []byte("\n"))
	switch {
	case o.otherCoding || o.flates > 1 || (o.filterKey && o.flates == 0):
		return ReasonTooComplex
	case o.flates == 0:
		end := bytes.Index(body, []byte("endstream"))
		if end < 0 {
			return ReasonDamaged
		}
		if s.walkLeft -= end; s.walkLeft < 0 {
			return ReasonTooComplex
		}
		return forbiddenName(body[:end], true)
	default:
		return s.inflate(body)
	}
}

// inflate looks for names in a zlib stream, a window at a time. It does not
// compare the checksum, because viewers do not either.
func (s *pdfScan) inflate(body []byte) Reason {
	const deflate, header = 8, 2
	if len(body) < header || body[0]&0x0F != deflate || (int(body[0])<<8|int(body[1]))%31 != 0 || body[1]&0x20 != 0 {
		return ReasonDamaged
	}
	s.startInflating(body[header:])
	window := s.window[:0]
	for {
		n, err := s.inflater.Read(window[len(window):cap(window)])
		window = window[:len(window)+n]
		if s.inflateLeft -= n; s.inflateLeft < 0 {
			return ReasonTooComplex
		}
		if err == nil && len(window) < cap(window) {
			continue
		}
		if reason := forbiddenName(window, true); reason != "" {
			return reason
		}
		if errors.Is(err, io.EOF) {
			return ""
		}
		if err != nil {
			return ReasonDamaged
		}
		// A name may lie across the end of the window.
		kept := copy(window[:longestRawName], window[len(window)-longestRawName:])
		window = window[:kept]
	}
}

// startInflating points the one inflater of the scan at the next stream.
func (s *pdfScan) startInflating(compressed []byte) {
	source := bytes.NewReader(compressed)
	if resetter, ok := s.inflater.(flate.Resetter); ok {
		_ = resetter.Reset(source, nil) // never fails
		return
	}
	s.inflater = flate.NewReader(source)
	s.window = make([]byte, 0, inflateWindow)
}
