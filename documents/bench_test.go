package documents

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"kibali/documents/sample"
)

func BenchmarkReceive(b *testing.B) {
	for name, data := range map[string][]byte{
		"small PDF": sample.PDF("TIN certificate", "Kilimo Bora Ltd"),
		"10 MiB":    padded(sample.PDF("Large"), MaxSize),
		"photo":     sample.JPEG(1600, 1000, 1),
	} {
		b.Run(name, func(b *testing.B) {
			store, err := Open(b.Context(), "file://"+b.TempDir())
			require.NoError(b, err)
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				received, err := store.Receive(b.Context(), bytes.NewReader(data))
				require.NoError(b, err)
				require.NoError(b, store.Delete(b.Context(), received.Key))
			}
		})
	}
}

func BenchmarkRender(b *testing.B) {
	for name, data := range map[string][]byte{
		"PDF of one page":    sample.PDF("TIN certificate", "Kilimo Bora Ltd"),
		"photo of 12 MP":     sample.JPEG(4000, 3000, 1),
		"PDF of 1,000 pages": manyPages(1000),
	} {
		b.Run(name, func(b *testing.B) {
			store, err := Open(b.Context(), "file://"+b.TempDir())
			require.NoError(b, err)
			received, err := store.Receive(b.Context(), bytes.NewReader(data))
			require.NoError(b, err)
			_, err = sharedRenderer().Render(b.Context(), store, received.Key, received.ContentType)
			require.NoError(b, err) // the PDF library has started
			for b.Loop() {
				_, err := sharedRenderer().Render(b.Context(), store, received.Key, received.ContentType)
				require.NoError(b, err)
			}
		})
	}
}
