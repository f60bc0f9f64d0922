package documents

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"sync"
	"time"

	"github.com/klippa-app/go-pdfium"
	"github.com/tetratelabs/wazero"
	"golang.org/x/sync/semaphore"

	"kibali/domain/fault"
)

// MaxPages is how many pages of a PDF are drawn; the rest is counted only.
const MaxPages = 20

// jpegQuality keeps small print legible; a page of text takes about 200 KB.
const jpegQuality = 85

// Page is one page image in the store.
type Page struct {
	Number      int    // in the original, from 1
	Key         string // for Store.Page
	ContentType string // image/jpeg or image/png
	Width       int    // in pixels, at most MaxPageSide
	Height      int    // in pixels, at most MaxPageSide
	Size        int64  // in bytes
}

// Rendering is what Render made of one original.
type Rendering struct {
	// Pages are in order, at least one. A page that a broken PDF announces but
	// does not have is missing.
	Pages []Page
	// PageCount is how many pages the original announces: more than len(Pages)
	// when it has more than MaxPages.
	PageCount int
}

// RendererOptions bound and place a Renderer. The zero value is ready for use.
type RendererOptions struct {
	// Timeout is how long drawing one document may take before it is given up,
	// 20 seconds when zero.
	Timeout time.Duration
	// Concurrent is how many documents are drawn at a time, 1 when zero. Each
	// can take up to 512 MiB for a PDF and somewhat more for the largest photo.
	Concurrent int
	// CacheDir is a folder for the compiled PDF library, made when missing with
	// mode 0700. It saves some seconds of processor time on every start. It holds
	// machine code that is run, so nobody else may be able to write to it. There
	// is no cache when it is empty.
	CacheDir string
}

// Renderer makes page images of originals. It is safe for concurrent use. Make
// one per worker process.
type Renderer struct {
	options RendererOptions
	slots   *semaphore.Weighted // one for each document that is being drawn

	mutex  sync.Mutex // guards what follows
	pool   pdfium.Pool
	cache  wazero.CompilationCache // nil without a CacheDir
	closed bool
}

// NewRenderer returns at once and starts the PDF library in the background. When
// that fails, the next PDF tries again and reports it.
func NewRenderer(options RendererOptions) *Renderer {
	if options.Timeout <= 0 {
		options.Timeout = 20 * time.Second
	}
	if options.Concurrent <= 0 {
		options.Concurrent = 1
	}
	r := &Renderer{options: options, slots: semaphore.NewWeighted(int64(options.Concurrent))}
	go func() { _, _ = r.pdfPool() }()
	return r
}

// Close waits until the documents in progress are drawn or given up, and
// releases the PDF library. No Render may follow.
func (r *Renderer) Close() error {
	if err := r.slots.Acquire(context.Background(), int64(r.options.Concurrent)); err != nil {
		return err
	}
	defer r.slots.Release(int64(r.options.Concurrent))
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.closed = true
	var failures []error
	if r.pool != nil {
		failures = append(failures, r.pool.Close())
		r.pool = nil
	}
	if r.cache != nil {
		failures = append(failures, r.cache.Close(context.Background()))
		r.cache = nil
	}
	return errors.Join(failures...)
}

// Render draws the pages of an original, stores them and describes them. The
// keys follow from the original's key: rendering again overwrites.
//
// A file that cannot be drawn or is found to be of a kind that Receive refuses
// gives the same faults as Receive, and will do so every time. Anything else,
// storage out of reach or an ended context among it, is a plain error and worth
// another attempt.
func (r *Renderer) Render(ctx context.Context, store *Store, key, contentType string) (Rendering, error) {
	if err := r.slots.Acquire(ctx, 1); err != nil {
		return Rendering{}, fmt.Errorf("wait to render: %w", err)
	}
	defer r.slots.Release(1)

	data, err := store.readOriginal(ctx, key)
	if err != nil {
		return Rendering{}, err
	}
	if detected, err := detectContentType(data); err != nil {
		return Rendering{}, err
	} else if detected != contentType {
		return Rendering{}, refuse(ReasonDamaged)
	}
	if err := checkContent(data, contentType); err != nil {
		return Rendering{}, err
	}
	drawn, err := r.draw(ctx, data, contentType)
	if err != nil {
		return Rendering{}, err
	}
	return store.putPages(ctx, key, drawn)
}

// drawing is a document drawn and encoded, before it is stored.
type drawing struct {
	pages     []drawnPage
	pageCount int
}

type drawnPage struct {
	number        int
	content       []byte
	contentType   string
	width, height int
}

// draw turns every failure that lies in the file into a fault, a panic of a
// decoder included.
func (r *Renderer) draw(ctx context.Context, data []byte, contentType string) (d drawing, err error) {
	defer func() {
		if recover() != nil {
			d, err = drawing{}, refuse(ReasonDamaged)
		}
	}()
	if contentType == ContentTypePDF {
		return r.drawPDF(ctx, data)
	}
	return drawPhoto(data, contentType)
}

// drawPhoto decodes a photo and encodes its pixels anew: turned upright, scaled
// down, and without any of the metadata that came with them.
func drawPhoto(data []byte, contentType string) (drawing, error) {
	photo, err := decodePhoto(data, contentType)
	if err != nil {
		return drawing{}, refuse(ReasonDamaged)
	}
	_, lineArt := photo.(*image.Paletted)
	pixels := upright(scaledDown(photo, MaxPageSide), exifOrientation(data, contentType))
	page, err := encode(pixels, lineArt || !pixels.Opaque())
	if err != nil {
		return drawing{}, err
	}
	page.number = 1
	return drawing{pages: []drawnPage{page}, pageCount: 1}, nil
}

// encode makes a PNG of what has transparency or few colours, else a JPEG.
func encode(pixels *image.RGBA, lossless bool) (drawnPage, error) {
	page := drawnPage{width: pixels.Rect.Dx(), height: pixels.Rect.Dy()}
	var content bytes.Buffer
	var err error
	if lossless {
		page.contentType = ContentTypePNG
		err = png.Encode(&content, pixels)
	} else {
		page.contentType = ContentTypeJPEG
		err = jpeg.Encode(&content, pixels, &jpeg.Options{Quality: jpegQuality})
	}
	if err != nil {
		return drawnPage{}, fmt.Errorf("encode a page image: %w", err)
	}
	page.content = content.Bytes()
	return page, nil
}

func (s *Store) readOriginal(ctx context.Context, key string) ([]byte, error) {
	content, size, err := s.Original(ctx, key)
	if err != nil {
		return nil, err
	}
	defer func() { _ = content.Close() }()
	if size > MaxSize {
		return nil, refuse(ReasonTooLarge)
	}
	if size == 0 {
		return nil, refuse(ReasonEmpty)
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(content, data); err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	return data, nil
}

func (s *Store) putPages(ctx context.Context, originalKey string, d drawing) (Rendering, error) {
	rendering := Rendering{PageCount: d.pageCount}
	for _, drawn := range d.pages {
		page := Page{
			Number:      drawn.number,
			Key:         pageKey(originalKey, drawn.number),
			ContentType: drawn.contentType,
			Width:       drawn.width,
			Height:      drawn.height,
			Size:        int64(len(drawn.content)),
		}
		if err := s.put(ctx, page.Key, page.ContentType, bytes.NewReader(drawn.content)); err != nil {
			return Rendering{}, err
		}
		rendering.Pages = append(rendering.Pages, page)
	}
	return rendering, nil
}

// isRefusal reports whether err is about the file.
func isRefusal(err error) bool { return fault.As(err) != nil }
