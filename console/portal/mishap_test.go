package portal_test

import (
	"bytes"
	"crypto/rand"
	"image"
	"image/png"
	"testing"

	"github.com/stretchr/testify/require"

	"kibali/cmd/kibali/process/processtest"
	"kibali/devstack/browser/browsertest"
)

func tooLong(t *testing.T, s stand) {
	w := browsertest.Open(t, s.URL, browsertest.Look{})
	w.Expected = []string{"status of 422"}
	w.Go("/register")
	browsertest.Eval[bool](w, `(() => {
		for (const field of document.querySelectorAll("#form input:not([type=radio]), #form textarea")) field.value = "ﷺ".repeat(10000);
		return true;
	})()`)
	w.Click(send)
	w.See("#wrong")
	w.Read("Is too long: at most 120 characters.")
	require.Equal(t, 10000, browsertest.Eval[int](w, `document.querySelector("#name").value.length`), "nothing typed is lost")
	w.Fits()
	w.Expected = []string{"status of 4"}
	for _, path := range []string{"/login", "/forgot-password"} {
		tooLongIn(t, w, path)
	}
	rejected, active := s.Register(t, nil), s.active(t)
	s.reject(t, rejected, "Where is the address?")
	own := s.logIn(t, rejected, browsertest.Look{})
	own.Expected = []string{"status of 422"}
	tooLongIn(t, own, "/correct")
	require.Equal(t, 10000, browsertest.Eval[int](own, `document.querySelector("[id='company.address']").value.length`))
	own = s.logIn(t, active, browsertest.Look{})
	own.Expected = []string{"status of 422"}
	tooLongIn(t, own, "/api-keys")
	require.Equal(t, 10000, browsertest.Eval[int](own, `document.querySelector("#name").value.length`))
	tooLongIn(t, own, "/account")
	s.suspend(t, active, "Messages at night.")
	out := browsertest.Open(t, s.URL, browsertest.Look{})
	out.Expected = []string{"status of 4"}
	out.Go("/login")
	enter(out, active.Email, processtest.Password)
	out.See("#text")
	browsertest.Eval[bool](out, `(f => { f.removeAttribute("maxlength"); f.value = "ﷺ".repeat(10000); return true; })(document.querySelector("#text"))`)
	out.Click(send)
	out.See(".problem")
	require.Equal(t, 10000, browsertest.Eval[int](out, `document.querySelector("#text").value.length`))
}

// tooLongIn sends the form of a page with ten thousand characters in each field,
// and finds them there again, and what is wrong.
func tooLongIn(t *testing.T, w *browsertest.Window, path string) {
	t.Helper()
	w.Go(path)
	browsertest.Eval[bool](w, `(() => {
		for (const field of document.querySelectorAll("#form input:not([type=radio], [type=hidden], [type=file]), #form textarea")) {
			field.removeAttribute("maxlength");
			field.value = "ﷺ".repeat(10000);
		}
		return true;
	})()`)
	w.Click(send)
	w.See("#wrong, #refusal, .problem, section[role=status]")
	w.Until(`!document.querySelector(".htmx-request, [aria-busy=true], button:disabled")`)
	w.Fits()
	w.Accessible()
}

// noise returns a picture that no compression makes smaller.
func noise(t *testing.T, width, height int) []byte {
	t.Helper()
	drawn := image.NewNRGBA(image.Rect(0, 0, width, height))
	_, err := rand.Read(drawn.Pix)
	require.NoError(t, err)
	for i := 3; i < len(drawn.Pix); i += 4 {
		drawn.Pix[i] = 255
	}
	var encoded bytes.Buffer
	require.NoError(t, png.Encode(&encoded, drawn))
	return encoded.Bytes()
}

func cutUpload(t *testing.T, s stand) {
	a := s.Register(t, nil)
	w := s.logIn(t, a, browsertest.Look{})
	w.Expected = []string{"ERR_INTERNET_DISCONNECTED", "Failed to fetch"}
	file := noise(t, 700, 700) // some 1.5 MB
	arrived := func() (n int64) {
		require.NoError(t, s.Owner.QueryRow(t.Context(), `SELECT coalesce(max(received), 0) FROM partial_uploads WHERE account_id = $1`, a.ID).Scan(&n))
		return n
	}
	w.Go("/documents")
	choose(w, "#file", "licence.png", "image/png", file)
	w.Line(browsertest.Line{Upload: 400_000})
	w.Click(send)
	w.Until(`document.querySelector("progress").value >= 15`)
	w.Line(browsertest.Line{Cut: true})
	w.Read("The line is broken. What has arrived stays")
	w.Accessible()
	kept := arrived()
	require.Positive(t, kept)
	w.Line(browsertest.Line{Upload: 400_000})
	w.Until(`!document.body.innerText.includes("The line is broken")`) // by itself
	w.Until(`document.querySelector("progress").value >= 40`)

	// The phone puts the browser away. The same file, chosen anew, goes on.
	w.Line(browsertest.Line{Cut: true})
	w.Read("The line is broken")
	kept = arrived()
	require.Less(t, kept, int64(len(file)))
	w.Line(browsertest.Line{})
	w.Go("/documents")
	choose(w, "#file", "licence.png", "image/png", file)
	w.Click(send)
	w.Read("The document has arrived.")
	w.Read("licence.png")
	var sent int64
	require.NoError(t, s.Owner.QueryRow(t.Context(), `SELECT size FROM documents WHERE account_id = $1`, a.ID).Scan(&sent))
	require.Equal(t, int64(len(file)), sent, "one document, and all of it")
	require.Zero(t, arrived(), "nothing is left of the parts")

	w.Go("/documents")
	choose(w, "#file", "huge.png", "image/png", append(file, make([]byte, 10<<20)...))
	w.Click(send)
	w.Read("The file is larger than 10 MB.") // and nothing of it is sent
	require.Zero(t, arrived())
}
