package documents

import (
	"image"
	"image/color"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestScaledDownKeepsEveryPixelsWeight(t *testing.T) {
	t.Parallel()
	for _, size := range []image.Point{{1, 1}, {7, 3}, {100, 1}, {1, 100}, {99, 101}, {64, 64}, {37, 90}} {
		for _, longest := range []int{1, 2, 10, 33, 50, 64, 98} {
			src := image.NewGray(image.Rect(5, 7, 5+size.X, 7+size.Y))
			var sum float64
			for i := range src.Pix {
				src.Pix[i] = uint8(i * 37)
				sum += float64(src.Pix[i])
			}
			dst := scaledDown(src, longest)
			require.LessOrEqual(t, max(dst.Rect.Dx(), dst.Rect.Dy()), longest)
			var got float64
			for i := 0; i < len(dst.Pix); i += 4 {
				got += float64(dst.Pix[i])
				require.Equal(t, uint8(255), dst.Pix[i+3], "opaque stays opaque: %v to %d", size, longest)
			}
			mean := sum / float64(size.X*size.Y)
			require.LessOrEqual(t, math.Abs(got/float64(len(dst.Pix)/4)-mean), 1.0, "%v to %d", size, longest)
		}
	}
}

func TestUprightTurnsEachOrientation(t *testing.T) {
	t.Parallel()
	// The letters are the corners of a picture that is upright as
	//   a b
	//   c d
	// and stored as a camera would have stored it.
	want := "abcd"
	for orientation, stored := range map[int]string{
		1: "abcd", 2: "badc", 3: "dcba", 4: "cdab", 5: "acbd", 6: "bdac", 7: "dbca", 8: "cadb",
	} {
		src := image.NewRGBA(image.Rect(0, 0, 2, 2))
		for i, letter := range []byte(stored) {
			src.SetRGBA(i%2, i/2, color.RGBA{R: letter, A: 255})
		}
		dst := upright(src, orientation)
		got := make([]byte, 4)
		for i := range got {
			got[i] = dst.RGBAAt(i%2, i/2).R
		}
		require.Equal(t, want, string(got), "orientation %d", orientation)
	}
}

func TestOrientationIsReadFromEveryFormatAndNonsenseIsUpright(t *testing.T) {
	t.Parallel()
	little := "II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x08\x00\x00\x00"
	chunk := append([]byte("\x89PNG\r\n\x1a\n"), pngChunk("eXIf", []byte(little))...)
	require.Equal(t, 8, exifOrientation(chunk, ContentTypePNG))
	require.Equal(t, 8, exifOrientation(riffWebP("EXIF", []byte("Exif\x00\x00"+little)), ContentTypeWebP))
	require.Equal(t, 6, exifOrientation(withExif(sampleJPEG(), 6), ContentTypeJPEG))
	require.Equal(t, 1, exifOrientation(withExif(sampleJPEG(), 9), ContentTypeJPEG))
	require.Equal(t, 1, exifOrientation(withExif(sampleJPEG(), 0), ContentTypeJPEG))
	require.Equal(t, 1, exifOrientation(sampleJPEG(), ContentTypeJPEG))
	for cut := range len(little) {
		require.Equal(t, 1, tiffOrientation([]byte(little[:cut])), "cut at %d", cut)
	}
	require.Equal(t, 1, tiffOrientation([]byte("MM\x00*\xFF\xFF\xFF\xFF")))
}
