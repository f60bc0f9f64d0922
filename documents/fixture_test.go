package documents

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/md5"
	"crypto/rc4"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gocloud.dev/blob"

	"kibali/documents/sample"
	"kibali/domain/fault"
)

// pdf writes a small PDF: objects by number from 1, of which 1 is the catalog.
type pdf struct {
	objects []string
	trailer string // extra entries of the trailer
	garbage bool   // points startxref and every offset nowhere
}

// onePage returns the objects of a page with a line of text; extra goes into the
// catalog, and more objects follow from number 6.
func onePage(catalogExtra, pageExtra string, more ...string) pdf {
	return pdf{objects: append([]string{
		"<< /Type /Catalog /Pages 2 0 R " + catalogExtra + " >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> " + pageExtra + " >>",
		stream("", "BT /F1 24 Tf 60 700 Td (Certificate of incorporation) Tj ET"),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	}, more...)}
}

func stream(dictionary, body string) string {
	return fmt.Sprintf("<< %s /Length %d >>\nstream\n%s\nendstream", dictionary, len(body), body)
}

// objectStream packs objects from the given number on into an object stream.
func objectStream(t *testing.T, first int, extra string, pack func(*testing.T, string) string, objects ...string) string {
	t.Helper()
	var index, body strings.Builder
	for i, object := range objects {
		fmt.Fprintf(&index, "%d %d ", first+i, body.Len())
		body.WriteString(object + "\n")
	}
	dictionary := fmt.Sprintf("/Type /ObjStm /N %d /First %d %s", len(objects), index.Len(), extra)
	return stream(dictionary, pack(t, index.String()+body.String()))
}

func deflated(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	_, err := io.WriteString(w, text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.String()
}

func asHex(_ *testing.T, text string) string { return fmt.Sprintf("%x>", text) }

func (p pdf) bytes() []byte {
	var file bytes.Buffer
	file.WriteString("%PDF-1.7\n%\xE2\xE3\xCF\xD3\n")
	offsets := make([]int, len(p.objects))
	for i, object := range p.objects {
		offsets[i] = file.Len()
		fmt.Fprintf(&file, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	table := file.Len()
	fmt.Fprintf(&file, "xref\n0 %d\n0000000000 65535 f \n", len(p.objects)+1)
	for _, offset := range offsets {
		if p.garbage {
			offset = 999_999
		}
		fmt.Fprintf(&file, "%010d 00000 n \n", offset)
	}
	if p.garbage {
		table = 123_456_789
	}
	fmt.Fprintf(&file, "trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n", len(p.objects)+1, p.trailer, table)
	return file.Bytes()
}

// encryptedPDF is a PDF protected with the standard handler, 40-bit RC4 and an
// empty user password: every viewer opens it without asking.
func encryptedPDF(t *testing.T) []byte {
	t.Helper()
	padding := []byte("\x28\xBF\x4E\x5E\x4E\x75\x8A\x41\x64\x00\x4E\x56\xFF\xFA\x01\x08\x2E\x2E\x00\xB6\xD0\x68\x3E\x80\x2F\x0C\xA9\xFE\x64\x53\x69\x7A")
	owner := bytes.Repeat([]byte{0x5A}, 32)
	id := bytes.Repeat([]byte{0x11}, 16)
	hash := md5.New()
	hash.Write(padding)
	hash.Write(owner)
	hash.Write([]byte{0xFC, 0xFF, 0xFF, 0xFF}) // permissions -4
	hash.Write(id)
	cipher, err := rc4.NewCipher(hash.Sum(nil)[:5])
	require.NoError(t, err)
	user := make([]byte, 32)
	cipher.XORKeyStream(user, padding)
	p := onePage("", "", fmt.Sprintf("<< /Filter /Standard /V 1 /R 2 /P -4 /O <%x> /U <%x> >>", owner, user))
	p.trailer = fmt.Sprintf("/Encrypt 6 0 R /ID [<%x> <%x>]", id, id)
	return p.bytes()
}

// manyPages is a PDF of count empty pages.
func manyPages(count int) []byte {
	var kids strings.Builder
	objects := []string{"<< /Type /Catalog /Pages 2 0 R >>", ""}
	for i := range count {
		fmt.Fprintf(&kids, "%d 0 R ", i+3)
		objects = append(objects, "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 100] >>")
	}
	objects[1] = fmt.Sprintf("<< /Type /Pages /Kids [%s] /Count %d >>", kids.String(), count)
	return pdf{objects: objects}.bytes()
}

func pngChunk(name string, body []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	out = append(append(out, name...), body...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

// pngBomb is a complete PNG whose header announces w x h pixels.
func pngBomb(w, h uint32) []byte {
	header := binary.BigEndian.AppendUint32(nil, w)
	header = binary.BigEndian.AppendUint32(header, h)
	header = append(header, 8, 6, 0, 0, 0)
	return bytes.Join([][]byte{
		[]byte("\x89PNG\r\n\x1a\n"), pngChunk("IHDR", header), pngChunk("IDAT", []byte("\x78\x9c\x03\x00\x00\x00\x00\x01")), pngChunk("IEND", nil),
	}, nil)
}

func samplePNG(t *testing.T, w, h int, alpha uint8) []byte {
	t.Helper()
	picture := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		picture.SetNRGBA(i%w, i/w, color.NRGBA{R: uint8(i), G: 90, B: 30, A: alpha})
	}
	var out bytes.Buffer
	require.NoError(t, png.Encode(&out, picture))
	return out.Bytes()
}

// sampleWebP is a lossless WebP of 16 x 16 pixels of one colour: five prefix
// codes of one symbol each, so that no pixel takes a bit.
func sampleWebP() []byte {
	var bits uint64
	var used uint
	put := func(value uint64, n uint) { bits |= value << used; used += n }
	put(15, 14) // width - 1
	put(15, 14) // height - 1
	put(0, 1)   // no alpha
	put(0, 3)   // version
	body := []byte{0x2F}
	flush := func() {
		for used >= 8 {
			body = append(body, byte(bits))
			bits, used = bits>>8, used-8
		}
	}
	flush()
	put(0, 1)                                               // no transform
	put(0, 1)                                               // no colour cache
	put(0, 1)                                               // no meta prefix codes
	for _, symbol := range []uint64{120, 200, 40, 255, 0} { // green, red, blue, alpha, distance
		put(1, 1) // simple code
		put(0, 1) // of one symbol
		put(1, 1) // of eight bits
		put(symbol, 8)
		flush()
	}
	put(0, 8)
	flush()
	if len(body)%2 == 1 {
		body = append(body, 0)
	}
	return riffWebP("VP8L", body)
}

func riffWebP(name string, body []byte) []byte {
	out := []byte("RIFF")
	out = binary.LittleEndian.AppendUint32(out, uint32(12+len(body)))
	out = append(append(out, "WEBP"...), name...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(body)))
	return append(out, body...)
}

// withExif inserts an EXIF segment with an orientation, a position and a
// camera's name behind the start of a JPEG.
func withExif(picture []byte, orientation uint16) []byte {
	order := binary.BigEndian
	tiff := []byte("MM\x00*\x00\x00\x00\x08\x00\x02")
	entry := func(tag, kind uint16, count uint32, value []byte) {
		tiff = order.AppendUint16(tiff, tag)
		tiff = order.AppendUint16(tiff, kind)
		tiff = order.AppendUint32(tiff, count)
		tiff = append(tiff, value...)
	}
	entry(0x0112, 3, 1, []byte{byte(orientation >> 8), byte(orientation), 0, 0})
	entry(0x8825, 4, 1, []byte{0, 0, 0, 38})                               // GPS directory
	tiff = append(tiff, 0, 0, 0, 0, 0, 1)                                  // no further directory; one entry
	entry(0x0001, 2, 2, []byte{'S', 0, 0, 0})                              // latitude: south
	tiff = append(tiff, "GPS-CANARY -6.7924 39.2083 CAMERA-CANARY\x00"...) // what it would point at
	segment := append([]byte("Exif\x00\x00"), tiff...)
	out := append([]byte{}, picture[:2]...)
	out = append(out, 0xFF, 0xE1)
	out = order.AppendUint16(out, uint16(len(segment)+2))
	out = append(out, segment...)
	return append(out, picture[2:]...)
}

func setup(t *testing.T) *Store {
	t.Helper()
	store, err := Open(t.Context(), "mem://")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

func keysIn(t *testing.T, store *Store) []string {
	t.Helper()
	var keys []string
	for list := store.bucket.List(&blob.ListOptions{}); ; {
		object, err := list.Next(context.WithoutCancel(t.Context()))
		if errors.Is(err, io.EOF) {
			return keys
		}
		require.NoError(t, err)
		keys = append(keys, object.Key)
	}
}

func requireRefused(t *testing.T, err error, code fault.Code, reason Reason) {
	t.Helper()
	refusal := fault.As(err)
	require.NotNil(t, refusal, "expected a refusal, got %v", err)
	require.Equal(t, code, refusal.Code, "%v", err)
	require.Len(t, refusal.Fields, 1)
	require.Equal(t, "file", refusal.Fields[0].Field)
	require.Equal(t, string(reason), refusal.Fields[0].Code)
	require.NotEmpty(t, refusal.Fields[0].Detail)
	require.NotEmpty(t, refusal.Message)
}

func sampleJPEG() []byte { return sample.JPEG(640, 400, 1) }
