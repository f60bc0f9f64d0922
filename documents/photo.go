package documents

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/jpeg"
	"image/png"
	"iter"

	"golang.org/x/image/webp"
)

// The bounds of a picture, checked before any pixel is decoded.
const (
	MaxPixels = 50_000_000
	MaxSide   = 12_000
)

// maxScans bounds how often a progressive JPEG may go over its pixels. Cameras
// and browsers need about ten; each of thousands of empty scans costs the decoder
// as much and the file almost nothing.
const maxScans = 200

// checkPhoto refuses a picture whose header cannot be read, whose dimensions are
// out of bounds, that is cut short, or that moves. It decodes no pixels.
func checkPhoto(data []byte, contentType string) error {
	var config image.Config
	var err error
	var complete bool
	switch contentType {
	case ContentTypeJPEG:
		if bytes.Count(data, []byte{0xFF, jpegStartOfScan}) > maxScans {
			return refuse(ReasonTooComplex)
		}
		config, err = jpeg.DecodeConfig(bytes.NewReader(data))
		complete = completeJPEG(data)
	case ContentTypePNG:
		config, err = png.DecodeConfig(bytes.NewReader(data))
		complete = completePNG(data)
	case ContentTypeWebP:
		if animatedWebP(data) {
			return refuse(ReasonAnimated)
		}
		config, err = webp.DecodeConfig(bytes.NewReader(data))
		complete = completeWebP(data)
	default:
		return refuse(ReasonUnsupportedType)
	}
	if err != nil || config.Width < 1 || config.Height < 1 {
		return refuse(ReasonDamaged)
	}
	if config.Width > MaxSide || config.Height > MaxSide || config.Width*config.Height > MaxPixels {
		return refuse(ReasonDimensions)
	}
	if !complete {
		return refuse(ReasonDamaged)
	}
	return nil
}

// decodePhoto decodes a picture that checkPhoto accepted.
func decodePhoto(data []byte, contentType string) (image.Image, error) {
	switch contentType {
	case ContentTypeJPEG:
		return jpeg.Decode(bytes.NewReader(data))
	case ContentTypePNG:
		return png.Decode(bytes.NewReader(data))
	default:
		return webp.Decode(bytes.NewReader(data))
	}
}

// The markers of a JPEG that matter here.
const (
	jpegStartOfScan = 0xDA
	jpegEndOfImage  = 0xD9
	jpegApp1        = 0xE1
)

// jpegSegments yields the segments before the picture data, and the picture data
// itself with all that follows as the segment of its start-of-scan marker. It
// stops at the first thing that is not a segment.
func jpegSegments(data []byte) iter.Seq2[byte, []byte] {
	return func(yield func(byte, []byte) bool) {
		if len(data) < 2 {
			return
		}
		rest := data[2:]
		for len(rest) >= 4 && rest[0] == 0xFF {
			if rest[1] == 0xFF { // fill byte
				rest = rest[1:]
				continue
			}
			if rest[1] == jpegStartOfScan {
				yield(rest[1], rest)
				return
			}
			length := int(binary.BigEndian.Uint16(rest[2:])) + 2
			if length < 4 || length > len(rest) {
				return
			}
			if !yield(rest[1], rest[4:length]) {
				return
			}
			rest = rest[length:]
		}
	}
}

// pngChunks yields the chunks of a PNG up to the first that is cut short.
func pngChunks(data []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		const signature, frame = 8, 12
		if len(data) < signature {
			return
		}
		for rest := data[signature:]; len(rest) >= frame; {
			length := int(binary.BigEndian.Uint32(rest))
			if length > len(rest)-frame {
				return
			}
			if !yield(string(rest[4:8]), rest[8:8+length]) {
				return
			}
			rest = rest[frame+length:]
		}
	}
}

// webpChunks yields the chunks of a WebP up to the first that is cut short.
func webpChunks(data []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		const header, frame = 12, 8
		if len(data) < header {
			return
		}
		for rest := data[header:]; len(rest) >= frame; {
			length := int(binary.LittleEndian.Uint32(rest[4:]))
			if length > len(rest)-frame {
				return
			}
			if !yield(string(rest[:4]), rest[frame:frame+length]) {
				return
			}
			rest = rest[min(len(rest), frame+length+length%2):]
		}
	}
}

func completeJPEG(data []byte) bool {
	for marker, segment := range jpegSegments(data) {
		if marker == jpegStartOfScan {
			return bytes.Contains(segment, []byte{0xFF, jpegEndOfImage})
		}
	}
	return false
}

func completePNG(data []byte) bool {
	for name := range pngChunks(data) {
		if name == "IEND" {
			return true
		}
	}
	return false
}

func completeWebP(data []byte) bool {
	return len(data) >= 12 && int(binary.LittleEndian.Uint32(data[4:]))+8 <= len(data)
}

// animatedWebP reports the animation flag of an extended WebP.
func animatedWebP(data []byte) bool {
	for name, chunk := range webpChunks(data) {
		return name == "VP8X" && len(chunk) > 0 && chunk[0]&0x02 != 0
	}
	return false
}
