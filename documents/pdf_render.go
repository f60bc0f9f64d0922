package documents

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"math"
	"os"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/enums"
	pdfiumerrors "github.com/klippa-app/go-pdfium/errors"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// The sandbox and the resolution of PDF pages.
const (
	wasmPageSize     = 64 << 10
	maxPDFMemory     = 512 << 20 // bytes that drawing one PDF may take
	pointsPerInch    = 72
	pageDotsPerInch  = 150
	maxAnnotations   = 2000 // on one page
	notEncryptedMark = -1
)

// pdfPool returns the PDF library, started. It may be called at any time by
// anyone; the first waits for the start and so does everyone who comes meanwhile.
func (r *Renderer) pdfPool() (pdfium.Pool, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.closed {
		return nil, errors.New("the renderer is closed")
	}
	if r.pool != nil {
		return r.pool, nil
	}
	config := wazero.NewRuntimeConfig().
		WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesExceptionHandling).
		WithMemoryLimitPages(maxPDFMemory / wasmPageSize).
		WithCloseOnContextDone(true) // so that a document that hangs can be given up
	if r.options.CacheDir != "" && r.cache == nil {
		if err := os.MkdirAll(r.options.CacheDir, 0o700); err != nil {
			return nil, fmt.Errorf("make the folder for the compiled PDF library: %w", err)
		}
		cache, err := wazero.NewCompilationCacheWithDir(r.options.CacheDir)
		if err != nil {
			return nil, fmt.Errorf("open the compiled PDF library: %w", err)
		}
		r.cache = cache
	}
	if r.cache != nil {
		config = config.WithCompilationCache(r.cache)
	}
	pool, err := webassembly.Init(webassembly.Config{
		MaxTotal:      r.options.Concurrent,
		FSConfig:      wazero.NewFSConfig(), // without it, the library sees the whole file system
		RuntimeConfig: config,
		Stdout:        io.Discard,
		Stderr:        io.Discard,
	})
	if err != nil {
		return nil, fmt.Errorf("start the PDF library: %w", err)
	}
	r.pool = pool
	return pool, nil
}

// drawPDF draws a PDF in an instance of the library that sees this document only
// and is thrown away with it.
func (r *Renderer) drawPDF(ctx context.Context, data []byte) (drawing, error) {
	pool, err := r.pdfPool()
	if err != nil {
		return drawing{}, err
	}
	instance, err := pool.GetInstanceWithContext(ctx)
	if err != nil {
		return drawing{}, fmt.Errorf("start an instance of the PDF library: %w", err)
	}
	limited, cancel := context.WithTimeout(ctx, r.options.Timeout)
	defer cancel()
	killed := make(chan struct{})
	stopWatching := context.AfterFunc(limited, func() {
		defer close(killed)
		_ = instance.Kill() // ends the call in progress, which then reports an error
	})

	d, err := drawPDFWith(instance, data)
	if stopWatching() {
		// What an instance has to say when it is thrown away changes nothing.
		_ = instance.Close()
	} else {
		<-killed
	}
	switch {
	case err == nil:
		return d, nil
	case ctx.Err() != nil:
		return drawing{}, fmt.Errorf("render a PDF: %w", ctx.Err())
	case limited.Err() != nil:
		return drawing{}, refuse(ReasonTooComplex)
	case isRefusal(err):
		return drawing{}, err
	case errors.Is(err, pdfiumerrors.ErrPassword), errors.Is(err, pdfiumerrors.ErrSecurity):
		return drawing{}, refuse(ReasonEncrypted)
	default:
		return drawing{}, refuse(ReasonDamaged)
	}
}

func drawPDFWith(instance pdfium.Pdfium, data []byte) (drawing, error) {
	opened, err := instance.OpenDocument(&requests.OpenDocument{File: &data})
	if err != nil {
		return drawing{}, err
	}
	document := opened.Document
	if err := checkOpenPDF(instance, document); err != nil {
		return drawing{}, err
	}
	count, err := instance.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: document})
	if err != nil {
		return drawing{}, err
	}
	d := drawing{pageCount: count.PageCount}
	for index := range min(count.PageCount, MaxPages) {
		page, err := drawPDFPage(instance, document, index)
		if errors.Is(err, pdfiumerrors.ErrPage) {
			continue // announced by the page tree, but not there
		}
		if err != nil {
			return drawing{}, err
		}
		page.number = index + 1
		d.pages = append(d.pages, page)
	}
	if len(d.pages) == 0 {
		return drawing{}, refuse(ReasonDamaged)
	}
	return d, nil
}

// checkOpenPDF asks the library for what checkPDF looks for in the bytes.
func checkOpenPDF(instance pdfium.Pdfium, document references.FPDF_DOCUMENT) error {
	security, err := instance.FPDF_GetSecurityHandlerRevision(&requests.FPDF_GetSecurityHandlerRevision{Document: document})
	if err != nil {
		return err
	}
	if security.SecurityHandlerRevision != notEncryptedMark {
		return refuse(ReasonEncrypted)
	}
	scripts, err := instance.FPDFDoc_GetJavaScriptActionCount(&requests.FPDFDoc_GetJavaScriptActionCount{Document: document})
	if err != nil {
		return err
	}
	if scripts.JavaScriptActionCount != 0 {
		return refuse(ReasonActiveContent)
	}
	files, err := instance.FPDFDoc_GetAttachmentCount(&requests.FPDFDoc_GetAttachmentCount{Document: document})
	if err != nil {
		return err
	}
	if files.AttachmentCount != 0 {
		return refuse(ReasonEmbeddedFiles)
	}
	return nil
}

func drawPDFPage(instance pdfium.Pdfium, document references.FPDF_DOCUMENT, index int) (drawnPage, error) {
	loaded, err := instance.FPDF_LoadPage(&requests.FPDF_LoadPage{Document: document, Index: index})
	if err != nil {
		return drawnPage{}, err
	}
	defer func() { _, _ = instance.FPDF_ClosePage(&requests.FPDF_ClosePage{Page: loaded.Page}) }()
	page := requests.Page{ByReference: &loaded.Page}

	if err := checkAnnotations(instance, page); err != nil {
		return drawnPage{}, err
	}
	size, err := instance.GetPageSize(&requests.GetPageSize{Page: page})
	if err != nil {
		return drawnPage{}, err
	}
	width, height, ok := pagePixels(size.Width, size.Height)
	if !ok {
		return drawnPage{}, refuse(ReasonDimensions)
	}
	rendered, err := instance.RenderPageInPixels(&requests.RenderPageInPixels{
		Page: page, Width: width, Height: height, RenderFlags: enums.FPDF_RENDER_FLAG_ANNOT,
	})
	if err != nil {
		return drawnPage{}, err
	}
	defer rendered.Cleanup()
	pixels, ok := rendered.Result.RenderedImage.(*image.RGBA)
	if !ok {
		return drawnPage{}, fmt.Errorf("the PDF library returned a %T", rendered.Result.RenderedImage)
	}
	return encode(pixels, false)
}

// pagePixels returns how many pixels a page of the given size in points takes,
// the longest side bounded. A page whose sides differ beyond reason would leave
// no pixel for the shorter and is not ok.
func pagePixels(widthPoints, heightPoints float64) (width, height int, ok bool) {
	longest := max(widthPoints, heightPoints)
	if !(longest > 0) || math.IsInf(longest, 0) { // the first is true of NaN as well
		return 0, 0, false
	}
	scale := min(pageDotsPerInch/float64(pointsPerInch), MaxPageSide/longest)
	width, height = int(widthPoints*scale), int(heightPoints*scale)
	return width, height, width > 0 && height > 0
}

// checkAnnotations refuses a page with an annotation that carries a file, plays
// something or starts something.
func checkAnnotations(instance pdfium.Pdfium, page requests.Page) error {
	count, err := instance.FPDFPage_GetAnnotCount(&requests.FPDFPage_GetAnnotCount{Page: page})
	if err != nil {
		return err
	}
	if count.Count > maxAnnotations {
		return refuse(ReasonTooComplex)
	}
	for index := range count.Count {
		annotation, err := instance.FPDFPage_GetAnnot(&requests.FPDFPage_GetAnnot{Page: page, Index: index})
		if err != nil {
			continue // not an annotation at all, so no viewer acts on it either
		}
		refusal := checkAnnotation(instance, annotation.Annotation)
		if _, err := instance.FPDFPage_CloseAnnot(&requests.FPDFPage_CloseAnnot{Annotation: annotation.Annotation}); err != nil {
			return err
		}
		if refusal != nil {
			return refusal
		}
	}
	return nil
}

func checkAnnotation(instance pdfium.Pdfium, annotation references.FPDF_ANNOTATION) error {
	kind, err := instance.FPDFAnnot_GetSubtype(&requests.FPDFAnnot_GetSubtype{Annotation: annotation})
	if err != nil {
		return err
	}
	switch kind.Subtype {
	case enums.FPDF_ANNOT_SUBTYPE_FILEATTACHMENT:
		return refuse(ReasonEmbeddedFiles)
	case enums.FPDF_ANNOT_SUBTYPE_SOUND, enums.FPDF_ANNOT_SUBTYPE_MOVIE, enums.FPDF_ANNOT_SUBTYPE_SCREEN,
		enums.FPDF_ANNOT_SUBTYPE_THREED, enums.FPDF_ANNOT_SUBTYPE_RICHMEDIA, enums.FPDF_ANNOT_SUBTYPE_XFAWIDGET:
		return refuse(ReasonActiveContent)
	case enums.FPDF_ANNOT_SUBTYPE_LINK:
		return checkLink(instance, annotation)
	}
	return nil
}

func checkLink(instance pdfium.Pdfium, annotation references.FPDF_ANNOTATION) error {
	link, err := instance.FPDFAnnot_GetLink(&requests.FPDFAnnot_GetLink{Annotation: annotation})
	if err != nil {
		return err
	}
	action, err := instance.FPDFLink_GetAction(&requests.FPDFLink_GetAction{Link: link.Link})
	if err != nil || action.Action == nil {
		return err
	}
	kind, err := instance.FPDFAction_GetType(&requests.FPDFAction_GetType{Action: *action.Action})
	if err != nil {
		return err
	}
	switch kind.Type {
	case enums.FPDF_ACTION_ACTION_LAUNCH, enums.FPDF_ACTION_ACTION_EMBEDDEDGOTO, enums.FPDF_ACTION_ACTION_REMOTEGOTO:
		return refuse(ReasonActiveContent)
	}
	return nil
}
