package main

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/png"
	"maps"
	"slices"
)

// near is how far apart two colours are that are kept, as the square of their
// distance: nearer ones look alike.
const near = 120

// shrink makes a picture of a page small: pages have few colours, so those that
// are most frequent and not alike stand for all, each pixel for the nearest.
func shrink(picture []byte) ([]byte, error) {
	drawn, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		return nil, err
	}
	bounds := drawn.Bounds()
	count := map[color.RGBA]int{}
	at := func(x, y int) color.RGBA {
		r, g, b, _ := drawn.At(x, y).RGBA()
		return color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), 255}
	}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			count[at(x, y)]++
		}
	}
	frequent := slices.SortedFunc(maps.Keys(count), func(a, b color.RGBA) int {
		return cmp.Or(count[b]-count[a], int(a.R)-int(b.R), int(a.G)-int(b.G), int(a.B)-int(b.B))
	})
	palette := color.Palette{}
	for _, c := range frequent {
		if len(palette) < 256 && !slices.ContainsFunc(palette, func(kept color.Color) bool { return alike(c, kept.(color.RGBA)) }) {
			palette = append(palette, c)
		}
	}
	paletted := image.NewPaletted(bounds, palette)
	nearest := map[color.RGBA]uint8{}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			c := at(x, y)
			index, known := nearest[c]
			if !known {
				index = uint8(palette.Index(c))
				nearest[c] = index
			}
			paletted.SetColorIndex(x, y, index)
		}
	}
	var small bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&small, paletted); err != nil {
		return nil, err
	}
	return small.Bytes(), nil
}

// alike reports whether two colours need not be told apart.
func alike(a, b color.RGBA) bool {
	red, green, blue := int(a.R)-int(b.R), int(a.G)-int(b.G), int(a.B)-int(b.B)
	return red*red+green*green+blue*blue < near
}
