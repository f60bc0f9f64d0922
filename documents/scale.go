package documents

import (
	"image"
	"image/draw"
)

// MaxPageSide is the longest side of a page image in pixels.
const MaxPageSide = 2400

// fit returns w x h, made smaller in proportion when a side is longer than
// longest. No side becomes shorter than one pixel.
func fit(w, h, longest int) (int, int) {
	if side := max(w, h); side > longest {
		return max(1, w*longest/side), max(1, h*longest/side)
	}
	return w, h
}

// scaledDown returns a copy of src that is at most longest pixels on a side.
// Every source pixel counts by the area that it covers, which keeps small print
// legible. It works on one row at a time, so that the memory it takes besides
// the result does not depend on the height of the source.
func scaledDown(src image.Image, longest int) *image.RGBA {
	from := src.Bounds()
	w, h := fit(from.Dx(), from.Dy(), longest)
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	if w == from.Dx() && h == from.Dy() {
		draw.Draw(dst, dst.Rect, src, from.Min, draw.Src)
		return dst
	}
	row := image.NewRGBA(image.Rect(0, 0, from.Dx(), 1))
	narrow := make([]float32, 4*w)    // one source row, already as wide as dst
	sums := make([]float32, 4*w)      // the row of dst in progress
	across := newShares(from.Dx(), w) // where the columns go
	area := float32(w) / float32(from.Dx()) * float32(h) / float32(from.Dy())
	for y, share := range newShares(from.Dy(), h) {
		draw.Draw(row, row.Rect, src, image.Pt(from.Min.X, from.Min.Y+y), draw.Src)
		clear(narrow)
		for x, s := range across {
			pixel := row.Pix[4*x : 4*x+4]
			for c, v := range pixel {
				narrow[4*s.target+c] += float32(v) * s.here
			}
			if s.next > 0 {
				for c, v := range pixel {
					narrow[4*(s.target+1)+c] += float32(v) * s.next
				}
			}
		}
		for i, v := range narrow {
			sums[i] += v * share.here
		}
		if !share.last {
			continue
		}
		store(dst.Pix[dst.PixOffset(0, share.target):][:4*w], sums, area)
		for i, v := range narrow {
			sums[i] = v * share.next
		}
	}
	return dst
}

func store(pixels []byte, sums []float32, area float32) {
	for i, v := range sums {
		pixels[i] = byte(min(255, v*area+0.5))
	}
}

// share says where one row or column of the source goes: a part of it to target,
// the rest to the one after.
type share struct {
	target     int
	here, next float32 // parts of it, adding up to 1
	last       bool    // it is the last that adds to target
}

// newShares spreads n rows or columns over m <= n.
func newShares(n, m int) []share {
	shares := make([]share, n)
	for i := range shares {
		// In units of 1/m of a source row, row i covers i*m to (i+1)*m and
		// target t covers t*n to (t+1)*n.
		target := i * m / n
		end := (target + 1) * n
		over := max(0, (i+1)*m-end)
		shares[i] = share{
			target: target,
			here:   float32(m-over) / float32(m),
			next:   float32(over) / float32(m),
			last:   (i+1)*m >= end,
		}
	}
	return shares
}
