package sample_test

import (
	"bytes"
	"image"
	"image/jpeg"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kibali/documents"
	"kibali/documents/sample"
)

func TestSamplesAreAcceptedAsUploads(t *testing.T) {
	t.Parallel()
	store, err := documents.Open(t.Context(), "mem://")
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	for _, data := range [][]byte{
		sample.PDF(""),
		sample.PDF("TIN (certificate", `back\slash`, "Ünïcode", "new\nline"),
		sample.PDF("Long", strings.Split(strings.Repeat("line,", 200), ",")...),
		sample.JPEG(1, 1, 1), sample.JPEG(320, 200, -5), sample.JPEG(1600, 1000, 2),
	} {
		_, err := store.Receive(t.Context(), bytes.NewReader(data))
		require.NoError(t, err)
	}
}

func TestSamplesFollowFromTheirArguments(t *testing.T) {
	t.Parallel()
	first, again := sample.PDF("a", "b"), sample.PDF("a", "b")
	require.Equal(t, first, again)
	first, again = sample.JPEG(200, 100, 1), sample.JPEG(200, 100, 1)
	require.Equal(t, first, again)
	require.NotEqual(t, sample.JPEG(200, 100, 1), sample.JPEG(200, 100, 2))
	picture, err := jpeg.Decode(bytes.NewReader(sample.JPEG(200, 100, 1)))
	require.NoError(t, err)
	require.Equal(t, image.Pt(200, 100), picture.Bounds().Size())
}
