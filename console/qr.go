package console

import (
	"fmt"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// qrCode is a code for a camera, as an SVG path of squares one unit wide.
type qrCode struct {
	Side int
	Path string
}

// drawQR draws a text as a QR code, with the border that cameras need.
func drawQR(text string) (qrCode, error) {
	const border = 4
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return qrCode{}, fmt.Errorf("draw a QR code: %w", err)
	}
	bounds := code.Bounds()
	var path strings.Builder
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			if red, _, _, _ := code.At(x, y).RGBA(); red == 0 {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x-bounds.Min.X+border, y-bounds.Min.Y+border)
			}
		}
	}
	return qrCode{Side: bounds.Dx() + 2*border, Path: path.String()}, nil
}
