package sample

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"math/rand/v2"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
)

// JPEG returns a picture that looks like a photo of an identity card: a lit
// background, a card, a portrait and lines of print. It panics unless width and
// height are between 1 and 65535. The same arguments give the same bytes.
func JPEG(width, height int, seed int64) []byte {
	random := rand.New( //nolint:gosec // a picture is to look like one, not to be a secret
		rand.NewPCG(uint64(seed), 0x6b696261))
	picture := image.NewRGBA(image.Rect(0, 0, width, height))
	backdrop(picture, random)

	card := image.Rect(width/10, height/5, width-width/10, height-height/5)
	fill(picture, card, color.RGBA{0xF2, 0xEE, 0xDC, 0xFF})
	fill(picture, image.Rect(card.Min.X, card.Min.Y, card.Max.X, card.Min.Y+card.Dy()/7), shade(random, 40, 90))
	portrait := image.Rect(card.Min.X+card.Dx()/20, card.Min.Y+card.Dy()/4, card.Min.X+card.Dx()/3, card.Max.Y-card.Dy()/10)
	fill(picture, portrait, shade(random, 150, 200))
	fill(picture, portrait.Inset(max(1, portrait.Dx()/4)), shade(random, 70, 130))

	// The one font at hand is small, so the print is drawn small and enlarged.
	lines := image.NewRGBA(image.Rect(0, 0, 232, 80))
	pen := font.Drawer{Dst: lines, Src: image.Black, Face: basicfont.Face7x13}
	for i, line := range []string{
		"JAMHURI YA MUUNGANO WA TANZANIA",
		"SAMPLE - NOT A REAL DOCUMENT",
		fmt.Sprintf("No. %08d-%05d-%05d", random.IntN(1e8), random.IntN(1e5), random.IntN(1e5)),
		fmt.Sprintf("Issued %02d/%02d/20%02d", 1+random.IntN(28), 1+random.IntN(12), 18+random.IntN(7)),
	} {
		pen.Dot = fixed.P(0, 14+20*i)
		pen.DrawString(line)
	}
	area := image.Rect(portrait.Max.X+card.Dx()/20, portrait.Min.Y, card.Max.X-card.Dx()/20, portrait.Max.Y)
	area.Max.Y = min(area.Max.Y, area.Min.Y+area.Dx()*lines.Rect.Dy()/lines.Rect.Dx())
	enlarge(picture, area, lines)

	var file bytes.Buffer
	if err := jpeg.Encode(&file, picture, &jpeg.Options{Quality: 85}); err != nil {
		panic(fmt.Sprintf("sample: a picture of %d x %d pixels: %v", width, height, err))
	}
	return file.Bytes()
}

// enlarge draws what was drawn on from so that it fills the area.
func enlarge(picture *image.RGBA, area image.Rectangle, from *image.RGBA) {
	for y := range area.Dy() {
		for x := range area.Dx() {
			if point := from.RGBAAt(x*from.Rect.Dx()/area.Dx(), y*from.Rect.Dy()/area.Dy()); point.A > 0 {
				picture.SetRGBA(area.Min.X+x, area.Min.Y+y, point)
			}
		}
	}
}

// backdrop fills the picture with a gradient and the grain of a camera, which
// makes the file about as large as a photo's.
func backdrop(picture *image.RGBA, random *rand.Rand) {
	base := shade(random, 60, 160)
	size := picture.Rect.Size()
	for y := range size.Y {
		for x := range size.X {
			light := 60*x/size.X + 40*y/size.Y + random.IntN(12)
			picture.SetRGBA(x, y, color.RGBA{
				R: uint8(min(255, int(base.R)+light)),
				G: uint8(min(255, int(base.G)+light)),
				B: uint8(min(255, int(base.B)+light)),
				A: 0xFF,
			})
		}
	}
}

func fill(picture *image.RGBA, area image.Rectangle, c color.RGBA) {
	draw.Draw(picture, area, image.NewUniform(c), image.Point{}, draw.Src)
}

func shade(random *rand.Rand, low, high int) color.RGBA {
	value := func() uint8 { return uint8(low + random.IntN(high-low)) }
	return color.RGBA{R: value(), G: value(), B: value(), A: 0xFF}
}
