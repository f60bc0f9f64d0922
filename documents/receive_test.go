package documents

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"kibali/documents/sample"
	"kibali/domain/fault"
)

// padded fills a PDF up to size with white space, which every viewer ignores.
func padded(data []byte, size int) []byte {
	return append(data, bytes.Repeat([]byte(" "), size-len(data))...)
}

func TestReceiveAcceptsAndSealsWhatApplicantsUpload(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		data        []byte
		contentType string
	}{
		"a photo":                         {sampleJPEG(), ContentTypeJPEG},
		"a photo with a position":         {withExif(sampleJPEG(), 6), ContentTypeJPEG},
		"a picture with transparency":     {samplePNG(t, 30, 20, 128), ContentTypePNG},
		"a WebP":                          {sampleWebP(), ContentTypeWebP},
		"a PDF":                           {sample.PDF("TIN certificate", "Kilimo Bora Ltd"), ContentTypePDF},
		"a PDF whose table is lost":       {pdf{objects: onePage("", "").objects, garbage: true}.bytes(), ContentTypePDF},
		"a PDF with packed objects":       {onePage("", "", objectStream(t, 20, "/Filter /FlateDecode", deflated, "<< /Type /Font >>")).bytes(), ContentTypePDF},
		"a PDF that links to a web page":  {onePage("", "/Annots [<< /Subtype /Link /Rect [0 0 9 9] /A << /S /URI /URI (https://example.com) >> >>]").bytes(), ContentTypePDF},
		"a PDF of 1,000 pages":            {manyPages(1000), ContentTypePDF},
		"a PDF of exactly the size limit": {padded(sample.PDF("Large"), MaxSize), ContentTypePDF},
		"a JPEG followed by a web page":   {append(sampleJPEG(), "<script>alert(1)</script>"...), ContentTypeJPEG},
		"a picture of the largest bounds": {pngBomb(MaxSide, MaxPixels/MaxSide), ContentTypePNG},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := setup(t)
			received, err := store.Receive(t.Context(), iotest.HalfReader(bytes.NewReader(test.data)))
			require.NoError(t, err)
			require.Regexp(t, `^originals/([0-9a-f]{2})/[0-9a-f]{32}$`, received.Key)
			require.Equal(t, int64(len(test.data)), received.Size)
			require.Equal(t, sha256.Sum256(test.data), received.SHA256)
			require.Equal(t, test.contentType, received.ContentType)
			require.Equal(t, []string{received.Key}, keysIn(t, store))

			content, size, err := store.Original(t.Context(), received.Key)
			require.NoError(t, err)
			got, err := io.ReadAll(content)
			require.NoError(t, err)
			require.NoError(t, content.Close())
			require.Equal(t, received.Size, size)
			require.True(t, bytes.Equal(test.data, got), "the original is kept as it came")
		})
	}
}

func TestReceiveRefusesWhatIsNotAnAcceptedFile(t *testing.T) {
	t.Parallel()
	animated := riffWebP("VP8X", []byte{0x02, 0, 0, 0, 15, 0, 0, 15, 0, 0})
	for name, test := range map[string]struct {
		data   []byte
		code   fault.Code
		reason Reason
	}{
		"nothing":                         {nil, fault.Invalid, ReasonEmpty},
		"one byte":                        {[]byte{0xFF}, fault.UnsupportedMediaType, ReasonUnsupportedType},
		"a web page":                      {[]byte("<!doctype html><script>alert(1)</script>"), fault.UnsupportedMediaType, ReasonUnsupportedType},
		"an SVG":                          {[]byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`), fault.UnsupportedMediaType, ReasonUnsupportedType},
		"a GIF":                           {[]byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;"), fault.UnsupportedMediaType, ReasonUnsupportedType},
		"a ZIP":                           {[]byte("PK\x03\x04\x14\x00\x00\x00\x08\x00"), fault.UnsupportedMediaType, ReasonUnsupportedType},
		"a program":                       {[]byte("\x7FELF\x02\x01\x01\x00"), fault.UnsupportedMediaType, ReasonUnsupportedType},
		"a web page before a PDF":         {append([]byte("<script>alert(1)</script>\n"), sample.PDF("x")...), fault.UnsupportedMediaType, ReasonUnsupportedType},
		"junk before a PDF":               {append(bytes.Repeat([]byte{0xAA}, 100), sample.PDF("x")...), fault.UnsupportedMediaType, ReasonUnsupportedType},
		"one byte more than the limit":    {padded(sample.PDF("Large"), MaxSize+1), fault.TooLarge, ReasonTooLarge},
		"a web page with JPEG's magic":    {[]byte("\xFF\xD8\xFF<html><script>alert(1)</script>"), fault.Invalid, ReasonDamaged},
		"a JPEG without picture data":     {sampleJPEG()[:300], fault.Invalid, ReasonDamaged},
		"a JPEG that is cut short":        {sampleJPEG()[:len(sampleJPEG())/2], fault.Invalid, ReasonDamaged},
		"a JPEG of thousands of scans":    {append(sampleJPEG(), bytes.Repeat([]byte("\xFF\xDA\x00\x02"), 1000)...), fault.Invalid, ReasonTooComplex},
		"a PNG that is cut short":         {samplePNG(t, 30, 20, 255)[:60], fault.Invalid, ReasonDamaged},
		"a PNG of PNG's magic alone":      {[]byte("\x89PNG\r\n\x1a\n"), fault.Invalid, ReasonDamaged},
		"a PNG bomb":                      {pngBomb(100_000, 100_000), fault.Invalid, ReasonDimensions},
		"a PNG with one side too long":    {pngBomb(MaxSide+1, 1), fault.Invalid, ReasonDimensions},
		"a PNG with too many pixels":      {pngBomb(10_000, 5_001), fault.Invalid, ReasonDimensions},
		"a PNG without pixels":            {pngBomb(0, 10), fault.Invalid, ReasonDamaged},
		"a WebP that is cut short":        {sampleWebP()[:20], fault.Invalid, ReasonDamaged},
		"a WebP that moves":               {animated, fault.Invalid, ReasonAnimated},
		"a PDF of PDF's magic alone":      {[]byte("%PDF-1.7\n"), fault.Invalid, ReasonDamaged},
		"an encrypted PDF":                {encryptedPDF(t), fault.Invalid, ReasonEncrypted},
		"a PDF with a script":             {onePage("/OpenAction << /S /JavaScript /JS (app.alert(1)) >>", "").bytes(), fault.Invalid, ReasonActiveContent},
		"a PDF that is a web page inside": {append(onePage("/Names << /EmbeddedFiles 6 0 R >>", "").bytes(), "<html>"...), fault.Invalid, ReasonEmbeddedFiles},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := setup(t)
			_, err := store.Receive(t.Context(), bytes.NewReader(test.data))
			requireRefused(t, err, test.code, test.reason)
			require.Empty(t, keysIn(t, store))
		})
	}
}

func TestReceiveLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	whole := padded(sample.PDF("Aborted"), 1<<20)
	gone := errors.New("the client went away")

	t.Run("when the reader fails half way", func(t *testing.T) {
		t.Parallel()
		for _, sent := range []int{0, 1, 100, sniffLength, sniffLength + 1, len(whole) / 2, len(whole)} {
			for _, failure := range []error{gone, io.ErrUnexpectedEOF} {
				store := setup(t)
				upload := io.MultiReader(bytes.NewReader(whole[:sent]), iotest.ErrReader(failure))
				_, err := store.Receive(t.Context(), upload)
				require.ErrorIs(t, err, failure, "after %d bytes", sent)
				require.Nil(t, fault.As(err))
				require.Empty(t, keysIn(t, store))
			}
		}
	})
	t.Run("when a request's body reports its end only once", func(t *testing.T) {
		t.Parallel()
		store := setup(t)
		_, err := store.Receive(t.Context(), &failsOnce{rest: whole[:100], failure: io.ErrUnexpectedEOF})
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.Empty(t, keysIn(t, store))
	})
	t.Run("when the context ends while it reads", func(t *testing.T) {
		t.Parallel()
		store := setup(t)
		ctx, cancel := context.WithCancel(t.Context())
		upload := io.MultiReader(bytes.NewReader(whole[:len(whole)/2]), readerFunc(func([]byte) (int, error) {
			cancel()
			return 0, nil
		}), bytes.NewReader(whole[len(whole)/2:]))
		_, err := store.Receive(ctx, upload)
		require.ErrorIs(t, err, context.Canceled)
		require.Empty(t, keysIn(t, store))
	})
	t.Run("in the folder of a file store", func(t *testing.T) {
		t.Parallel()
		folder := t.TempDir()
		store, err := Open(t.Context(), "file://"+folder)
		require.NoError(t, err)
		defer func() { require.NoError(t, store.Close()) }()
		_, err = store.Receive(t.Context(), io.MultiReader(bytes.NewReader(whole), iotest.ErrReader(gone)))
		require.ErrorIs(t, err, gone)
		require.Empty(t, filesIn(t, folder))
	})
}

func TestReceiveStoresUploadsAtTheSameTimeUnderKeysOfTheirOwn(t *testing.T) {
	t.Parallel()
	store := setup(t)
	const uploads = 24
	keys := make([]string, uploads)
	var wg sync.WaitGroup
	for i := range uploads {
		wg.Go(func() {
			received, err := store.Receive(context.WithoutCancel(t.Context()), strings.NewReader(string(sampleJPEG())))
			if err == nil {
				keys[i] = received.Key
			}
		})
	}
	wg.Wait()
	require.ElementsMatch(t, keys, keysIn(t, store))
	require.NotContains(t, keys, "")
}

func filesIn(t *testing.T, folder string) []string {
	t.Helper()
	var files []string
	require.NoError(t, filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, path)
		}
		return err
	}))
	return files
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// failsOnce fails together with its last bytes and then claims a proper end, as
// the body of an HTTP request does whose client went away.
type failsOnce struct {
	rest    []byte
	failure error
}

func (f *failsOnce) Read(p []byte) (int, error) {
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	if len(f.rest) > 0 {
		return n, nil
	}
	failure := f.failure
	f.failure = io.EOF
	return n, failure
}
