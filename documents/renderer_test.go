package documents

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/documents/sample"
	"kibali/domain/fault"
)

// libraryCache is the CacheDir of every Renderer of these tests.
var libraryCache string

// sharedRenderer starts the Renderer that the tests share. Starting the PDF
// library takes seconds, and a Renderer keeps nothing of one document for the next.
var sharedRenderer = sync.OnceValue(func() *Renderer {
	shared := NewRenderer(RendererOptions{CacheDir: libraryCache, Timeout: time.Minute})
	closeShared = shared.Close
	return shared
})

// closeShared closes the shared Renderer when a test has started it.
var closeShared = func() error { return nil }

func TestMain(m *testing.M) {
	cache, err := os.MkdirTemp("", "kibali-pdf-library-*")
	if err != nil {
		panic(err)
	}
	libraryCache = cache
	code := m.Run()
	if err := closeShared(); err != nil {
		panic(err)
	}
	_ = os.RemoveAll(cache)
	os.Exit(code)
}

func receive(t *testing.T, store *Store, data []byte) Received {
	t.Helper()
	received, err := store.Receive(t.Context(), bytes.NewReader(data))
	require.NoError(t, err)
	return received
}

// plant stores an original that Receive would not have let in, as an earlier
// version with other rules might have.
func plant(t *testing.T, store *Store, data []byte) string {
	t.Helper()
	key := newOriginalKey()
	require.NoError(t, store.put(t.Context(), key, originalContentType, bytes.NewReader(data)))
	return key
}

func pageContent(t *testing.T, store *Store, page Page) []byte {
	t.Helper()
	content, size, err := store.Page(t.Context(), page.Key)
	require.NoError(t, err)
	data, err := io.ReadAll(content)
	require.NoError(t, err)
	require.NoError(t, content.Close())
	require.Equal(t, page.Size, size)
	require.Len(t, data, int(size))
	detected, err := detectContentType(data)
	require.NoError(t, err)
	require.Equal(t, page.ContentType, detected)
	return data
}

func pagePicture(t *testing.T, store *Store, page Page) image.Image {
	t.Helper()
	picture, err := decodePhoto(pageContent(t, store, page), page.ContentType)
	require.NoError(t, err)
	require.Equal(t, image.Pt(page.Width, page.Height), picture.Bounds().Size())
	return picture
}

// darkShare returns the part of a picture that is dark: text on a page.
func darkShare(picture image.Image) float64 {
	dark, size := 0, picture.Bounds().Size()
	for y := range size.Y {
		for x := range size.X {
			if color.GrayModel.Convert(picture.At(x, y)).(color.Gray).Y < 100 {
				dark++
			}
		}
	}
	return float64(dark) / float64(size.X*size.Y)
}

func TestRenderDrawsThePagesOfAPDF(t *testing.T) {
	t.Parallel()
	store := setup(t)
	received := receive(t, store, sample.PDF("TIN certificate", "Kilimo Bora Ltd", "TIN 123-456-789"))
	rendering, err := sharedRenderer().Render(t.Context(), store, received.Key, received.ContentType)
	require.NoError(t, err)
	require.Equal(t, 1, rendering.PageCount)
	require.Len(t, rendering.Pages, 1)
	page := rendering.Pages[0]
	require.Equal(t, 1, page.Number)
	require.Equal(t, ContentTypeJPEG, page.ContentType)
	require.InDelta(t, 595*150/72, page.Width, 1)
	require.InDelta(t, 842*150/72, page.Height, 1)
	picture := pagePicture(t, store, page)
	require.Equal(t, color.Gray{Y: 255}, color.GrayModel.Convert(picture.At(5, 5)), "paper is white")
	require.Greater(t, darkShare(picture), 0.002, "there is text")

	again, err := sharedRenderer().Render(t.Context(), store, received.Key, received.ContentType)
	require.NoError(t, err)
	require.Equal(t, rendering, again)
	require.ElementsMatch(t, []string{received.Key, page.Key}, keysIn(t, store), "rendering again overwrites")
}

func TestRenderBoundsPDFsThatAreOddButHarmless(t *testing.T) {
	t.Parallel()
	box := func(mediaBox string) []byte {
		return pdf{objects: []string{
			"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
			"<< /Type /Page /Parent 2 0 R /MediaBox " + mediaBox + " >>",
		}}.bytes()
	}
	for name, test := range map[string]struct {
		data             []byte
		pages, pageCount int
	}{
		"1,000 pages":                  {manyPages(1000), MaxPages, 1000},
		"a page as large as a field":   {box("[0 0 1000000000 1000000000]"), 1, 1},
		"a page without a size":        {box("[0 0 0 0]"), 1, 1},
		"a page that is inside out":    {box("[600 800 0 0]"), 1, 1},
		"a table that leads nowhere":   {pdf{objects: onePage("", "").objects, garbage: true}.bytes(), 1, 1},
		"a page tree that claims more": {bytes.Replace(onePage("", "").bytes(), []byte("/Count 1 "), []byte("/Count 9 "), 1), 1, 9},
		"a link to a web page":         {onePage("", "/Annots [<< /Type /Annot /Subtype /Link /Rect [0 0 9 9] /A << /S /URI /URI (https://example.com) >> >> null 7]").bytes(), 1, 1},
		"a page that lies on its side": {onePage("", "/Rotate 90").bytes(), 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := setup(t)
			received := receive(t, store, test.data)
			rendering, err := sharedRenderer().Render(t.Context(), store, received.Key, received.ContentType)
			require.NoError(t, err)
			require.Equal(t, test.pageCount, rendering.PageCount)
			require.Len(t, rendering.Pages, test.pages)
			for i, page := range rendering.Pages {
				require.Equal(t, i+1, page.Number)
				require.Equal(t, pageKey(received.Key, i+1), page.Key)
				require.LessOrEqual(t, max(page.Width, page.Height), MaxPageSide)
				pagePicture(t, store, page)
			}
		})
	}
}

func TestRenderRefusesWhatCannotBeDrawn(t *testing.T) {
	t.Parallel()
	catalog := "<< /Type /Catalog /Pages 2 0 R >>"
	bitten := sampleJPEG()
	copy(bitten[len(bitten)/2:], bytes.Repeat([]byte{0xFF, 0x00, 0xFF, 0xC0}, 50))
	for name, test := range map[string]struct {
		data        []byte
		contentType string
		reason      Reason
	}{
		"a page tree that leads to itself": {pdf{objects: []string{catalog, "<< /Type /Pages /Kids [2 0 R] /Count 1 >>"}}.bytes(), ContentTypePDF, ReasonDamaged},
		"a PDF without pages":              {pdf{objects: []string{catalog, "<< /Type /Pages /Kids [] /Count 0 >>"}}.bytes(), ContentTypePDF, ReasonDamaged},
		"a PDF without a catalog":          {pdf{objects: []string{"<< /Nothing true >>"}}.bytes(), ContentTypePDF, ReasonDamaged},
		"a page thinner than a pixel":      {bytes.Replace(onePage("", "").bytes(), []byte("[0 0 595 842]"), []byte("[0 0 1 14400]"), 1), ContentTypePDF, ReasonDimensions},
		"a script that came in earlier":    {onePage("/OpenAction << /S /JavaScript /JS (x) >>", "").bytes(), ContentTypePDF, ReasonActiveContent},
		"a JPEG that is broken inside":     {bitten, ContentTypeJPEG, ReasonDamaged},
		"a PNG that is broken inside":      {pngBomb(100, 100), ContentTypePNG, ReasonDamaged},
		"a PNG bomb":                       {pngBomb(100_000, 100_000), ContentTypePNG, ReasonDimensions},
		"another type than was recorded":   {sampleJPEG(), ContentTypePDF, ReasonDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := setup(t)
			key := plant(t, store, test.data)
			_, err := sharedRenderer().Render(t.Context(), store, key, test.contentType)
			requireRefused(t, err, fault.Invalid, test.reason)
			require.Equal(t, []string{key}, keysIn(t, store), "no page is left")
		})
	}
}

// The PDF library finds these by itself, whatever the scan of the bytes found.
func TestRenderAsksThePDFLibraryToo(t *testing.T) {
	t.Parallel()
	annotation := func(entries string) []byte {
		return onePage("", "/Annots [<< /Type /Annot /Rect [10 10 90 90] "+entries+" >>]").bytes()
	}
	for name, test := range map[string]struct {
		data   []byte
		reason Reason
	}{
		"an encrypted PDF":       {encryptedPDF(t), ReasonEncrypted},
		"a script by name":       {onePage("/Names << /JavaScript << /Names [(a) 6 0 R] >> >>", "", "<< /S /JavaScript /JS (app.alert(1)) >>").bytes(), ReasonActiveContent},
		"an embedded file":       {onePage("/Names << /EmbeddedFiles << /Names [(a) 6 0 R] >> >>", "", "<< /Type /Filespec /F (a) /EF << /F 7 0 R >> >>", stream("/Type /EmbeddedFile", "MZ")).bytes(), ReasonEmbeddedFiles},
		"an attachment":          {annotation("/Subtype /FileAttachment /FS << /Type /Filespec /F (a) >>"), ReasonEmbeddedFiles},
		"a film":                 {annotation("/Subtype /Movie /Movie << /F (a) >>"), ReasonActiveContent},
		"a link to a program":    {annotation("/Subtype /Link /A << /S /Launch /F (cmd.exe) >>"), ReasonActiveContent},
		"a link to another file": {annotation("/Subtype /Link /A << /S /GoToR /F (x.pdf) /D [0 /Fit] >>"), ReasonActiveContent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, sharedRenderer().slots.Acquire(t.Context(), 1))
			defer sharedRenderer().slots.Release(1)
			_, err := sharedRenderer().drawPDF(t.Context(), test.data)
			requireRefused(t, err, fault.Invalid, test.reason)
		})
	}
}

// slowPDF takes minutes to draw: a form that draws itself ten-fold, eight levels deep.
func slowPDF() []byte {
	objects := onePage("", "").objects
	objects[2] = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 2000 2000] /Contents 4 0 R /Resources << /XObject << /X 6 0 R >> >> >>"
	objects[3] = stream("", "/X Do")
	for level := range 8 {
		body := "0 0 m 1999 1999 l 1999 0 l f"
		if level < 7 {
			body = string(bytes.Repeat([]byte("/X Do "), 10))
		}
		objects = append(objects, stream(fmt.Sprintf(
			"/Type /XObject /Subtype /Form /BBox [0 0 2000 2000] /Resources << /XObject << /X %d 0 R >> >>", level+7), body))
	}
	return pdf{objects: objects}.bytes()
}

func TestRenderGivesUpOnADocumentThatTakesTooLongAndGoesOn(t *testing.T) {
	t.Parallel()
	_, err := sharedRenderer().pdfPool() // compiled once, for the cache
	require.NoError(t, err)
	hurried := NewRenderer(RendererOptions{Timeout: 3 * time.Second, CacheDir: libraryCache})
	defer func() { require.NoError(t, hurried.Close()) }()
	store := setup(t)
	slow := receive(t, store, slowPDF())
	_, err = hurried.Render(t.Context(), store, slow.Key, slow.ContentType)
	requireRefused(t, err, fault.Invalid, ReasonTooComplex)

	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err = hurried.Render(ctx, store, slow.Key, slow.ContentType)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Nil(t, fault.As(err), "an ended activity says nothing about the file")
	require.Equal(t, []string{slow.Key}, keysIn(t, store), "no page is left")

	quick := receive(t, store, manyPages(1))
	_, err = hurried.Render(t.Context(), store, quick.Key, quick.ContentType)
	require.NoError(t, err, "the next document gets a new instance")
}

func TestRenderDropsTheMetadataOfPhotosAndTurnsThemUpright(t *testing.T) {
	t.Parallel()
	store := setup(t)
	photo := withExif(append(sample.JPEG(600, 300, 7), "TRAILER-CANARY"...), 6)
	received := receive(t, store, photo)
	rendering, err := sharedRenderer().Render(t.Context(), store, received.Key, received.ContentType)
	require.NoError(t, err)
	require.Len(t, rendering.Pages, 1)
	page := rendering.Pages[0]
	require.Equal(t, image.Pt(300, 600), image.Pt(page.Width, page.Height), "a quarter turn")
	content := pageContent(t, store, page)
	for _, trace := range []string{"Exif", "GPS", "CANARY", "MM\x00*"} {
		require.True(t, bytes.Contains(photo, []byte(trace)), "the original has it")
		require.False(t, bytes.Contains(content, []byte(trace)), "%q is gone", trace)
	}

	upside, err := jpeg.Decode(bytes.NewReader(photo))
	require.NoError(t, err)
	turned := pagePicture(t, store, page)
	for _, at := range []image.Point{{40, 30}, {560, 30}, {40, 270}, {560, 270}, {100, 100}} {
		want := color.GrayModel.Convert(upside.At(at.X, at.Y)).(color.Gray).Y
		got := color.GrayModel.Convert(turned.At(299-at.Y, at.X)).(color.Gray).Y
		require.InDelta(t, want, got, 24, "%v", at)
	}
}

func TestRenderScalesLargePhotosDownAndKeepsTransparency(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		data        []byte
		contentType string
		size        image.Point
	}{
		"a large photo":               {sample.JPEG(3000, 1500, 3), ContentTypeJPEG, image.Pt(2400, 1200)},
		"a small photo":               {sample.JPEG(64, 48, 3), ContentTypeJPEG, image.Pt(64, 48)},
		"an opaque PNG":               {samplePNG(t, 60, 40, 255), ContentTypeJPEG, image.Pt(60, 40)},
		"a picture with transparency": {samplePNG(t, 60, 40, 90), ContentTypePNG, image.Pt(60, 40)},
		"a strip":                     {samplePNG(t, 12_000, 2, 255), ContentTypeJPEG, image.Pt(2400, 1)},
		"line art":                    {palettedPNG(t), ContentTypePNG, image.Pt(50, 20)},
		"a WebP":                      {sampleWebP(), ContentTypeJPEG, image.Pt(16, 16)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := setup(t)
			received := receive(t, store, test.data)
			rendering, err := sharedRenderer().Render(t.Context(), store, received.Key, received.ContentType)
			require.NoError(t, err)
			page := rendering.Pages[0]
			require.Equal(t, test.contentType, page.ContentType)
			require.Equal(t, test.size, pagePicture(t, store, page).Bounds().Size())
		})
	}
}

func palettedPNG(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, png.Encode(&out, image.NewPaletted(image.Rect(0, 0, 50, 20), color.Palette{color.White, color.Black})))
	return out.Bytes()
}

func TestRenderReportsStorageTroubleAsWorthAnotherAttempt(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "documents")
	store, err := Open(t.Context(), "file://"+folder)
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	received := receive(t, store, sampleJPEG())
	require.NoError(t, os.WriteFile(filepath.Join(folder, "pages"), nil, 0o600)) // pages cannot become a folder
	_, err = sharedRenderer().Render(t.Context(), store, received.Key, received.ContentType)
	require.Error(t, err)
	require.Nil(t, fault.As(err))

	_, err = sharedRenderer().Render(t.Context(), store, "originals/00/missing", ContentTypePDF)
	require.Equal(t, fault.NotFound, fault.CodeOf(err))
}

func TestRenderAfterCloseIsAnError(t *testing.T) {
	t.Parallel()
	closed := NewRenderer(RendererOptions{CacheDir: libraryCache})
	require.NoError(t, closed.Close())
	store := setup(t)
	received := receive(t, store, sample.PDF("Late"))
	_, err := closed.Render(t.Context(), store, received.Key, received.ContentType)
	require.ErrorContains(t, err, "closed")
	require.Nil(t, fault.As(err))
}
