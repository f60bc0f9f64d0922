package documents

import (
	"bytes"
	"encoding/binary"
	"image"
)

// exifOrientation returns how the camera was held, as EXIF numbers it: 1 is
// upright, 2 to 8 are the other rotations and mirrorings. It returns 1 when the
// picture does not say or says nonsense.
func exifOrientation(data []byte, contentType string) int {
	exifMarker := []byte("Exif\x00\x00")
	switch contentType {
	case ContentTypeJPEG:
		for marker, segment := range jpegSegments(data) {
			if tiff, ok := bytes.CutPrefix(segment, exifMarker); marker == jpegApp1 && ok {
				return tiffOrientation(tiff)
			}
		}
	case ContentTypePNG:
		for name, chunk := range pngChunks(data) {
			if name == "eXIf" {
				return tiffOrientation(chunk)
			}
		}
	case ContentTypeWebP:
		for name, chunk := range webpChunks(data) {
			if name == "EXIF" {
				return tiffOrientation(bytes.TrimPrefix(chunk, exifMarker))
			}
		}
	}
	return 1
}

// tiffOrientation reads tag 0x0112 of the first directory of a TIFF structure.
func tiffOrientation(tiff []byte) int {
	const orientationTag, entrySize = 0x0112, 12
	if len(tiff) < 8 {
		return 1
	}
	var order binary.ByteOrder
	switch string(tiff[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 1
	}
	start := int64(order.Uint32(tiff[4:]))
	if start+2 > int64(len(tiff)) {
		return 1
	}
	entries := tiff[start+2:]
	for range order.Uint16(tiff[start:]) {
		if len(entries) < entrySize {
			return 1
		}
		if order.Uint16(entries) == orientationTag {
			if value := int(order.Uint16(entries[8:])); value >= 1 && value <= 8 {
				return value
			}
			return 1
		}
		entries = entries[entrySize:]
	}
	return 1
}

// upright turns and mirrors a picture so that it needs no orientation.
func upright(src *image.RGBA, orientation int) *image.RGBA {
	if orientation == 1 {
		return src
	}
	w, h := src.Rect.Dx(), src.Rect.Dy()
	turned := orientation >= 5 // these swap the sides
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	if turned {
		dst = image.NewRGBA(image.Rect(0, 0, h, w))
	}
	for y := range h {
		for x := range w {
			dx, dy := x, y
			switch orientation {
			case 2: // mirrored left to right
				dx = w - 1 - x
			case 3: // upside down
				dx, dy = w-1-x, h-1-y
			case 4: // mirrored top to bottom
				dy = h - 1 - y
			case 5: // mirrored along the main diagonal
				dx, dy = y, x
			case 6: // needs a quarter turn clockwise
				dx, dy = h-1-y, x
			case 7: // mirrored along the other diagonal
				dx, dy = h-1-y, w-1-x
			case 8: // needs a quarter turn anticlockwise
				dx, dy = y, w-1-x
			}
			copy(dst.Pix[dst.PixOffset(dx, dy):][:4], src.Pix[src.PixOffset(x, y):][:4])
		}
	}
	return dst
}
