package documents

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/documents/sample"
	"kibali/domain/fault"
)

func TestPDFScanFindsWhatIsHidden(t *testing.T) {
	t.Parallel()
	const script = "<< /S /JavaScript /JS (app.alert(1)) >>"
	packed := func(objects ...string) string {
		return objectStream(t, 20, "/Filter /FlateDecode", deflated, objects...)
	}
	zlibBomb := objectStream(t, 20, "/Filter /FlateDecode", deflated, strings.Repeat(" ", maxInflated+1))
	for name, test := range map[string]struct {
		data   []byte
		reason Reason
	}{
		"a script on opening":                {onePage("/OpenAction "+script, "").bytes(), ReasonActiveContent},
		"a script in the name tree":          {onePage("/Names << /JavaScript << /Names [(a) 6 0 R] >> >>", "", script).bytes(), ReasonActiveContent},
		"a script with an escaped name":      {onePage("/OpenAction << /S /J#61vaScript /J#53 (x) >>", "").bytes(), ReasonActiveContent},
		"a script with every letter escaped": {onePage("/OpenAction << /S /#4a#61#76#61#53#63#72#69#70#74 >>", "").bytes(), ReasonActiveContent},
		"a script behind an indirect name":   {onePage("/OpenAction << /S 6 0 R >>", "", "/JavaScript").bytes(), ReasonActiveContent},
		"a script in a packed object":        {onePage("/OpenAction 20 0 R", "", packed(script)).bytes(), ReasonActiveContent},
		"an escaped script, packed":          {onePage("/OpenAction 20 0 R", "", packed("<< /S /Java#53cript >>")).bytes(), ReasonActiveContent},
		"a script at the end of a large pack": {
			onePage("", "", packed(strings.Repeat("<< /Type /Font >> ", 20_000), script)).bytes(), ReasonActiveContent,
		},
		"a short name in a packed object": {onePage("/AF [20 0 R]", "", packed("<< /EF << /F 9 0 R >> >>")).bytes(), ReasonEmbeddedFiles},
		"a pack whose dictionary is escaped": {
			onePage("", "", strings.Replace(packed(script), "/ObjStm", "/O#62jStm", 1)).bytes(), ReasonActiveContent,
		},
		"a pack without its type":             {onePage("", "", strings.Replace(packed(script), "/Type /ObjStm", "", 1)).bytes(), ReasonActiveContent},
		"a pack behind a bracket in a string": {onePage("", "", strings.Replace(packed(script), "/N ", "/X (>> endobj stream) /N ", 1)).bytes(), ReasonActiveContent},
		"a pack whose brackets do not match":  {onePage("", "", strings.Replace(packed(script), "/N ", "/X [ >> /N ", 1)).bytes(), ReasonDamaged},
		"a pack in hexadecimal":               {onePage("", "", objectStream(t, 20, "/Filter /ASCIIHexDecode", asHex, script)).bytes(), ReasonTooComplex},
		"a pack with an indirect filter":      {onePage("", "", objectStream(t, 20, "/Filter 9 0 R", deflated, script)).bytes(), ReasonTooComplex},
		"a pack with a predictor":             {onePage("", "", objectStream(t, 20, "/Filter /FlateDecode /DecodeParms << /Predictor 12 >>", deflated, script)).bytes(), ReasonTooComplex},
		"a pack packed twice":                 {onePage("", "", objectStream(t, 20, "/Filter [/FlateDecode /FlateDecode]", deflated, script)).bytes(), ReasonTooComplex},
		"a pack that is not packed":           {onePage("", "", objectStream(t, 20, "", func(_ *testing.T, s string) string { return s }, "<< /JS 9 0 R >>")).bytes(), ReasonActiveContent},
		"a pack that is broken":               {onePage("", "", strings.Replace(packed("<< /Type /Font >>"), "stream\n\x78", "stream\n\x00", 1)).bytes(), ReasonDamaged},
		"a pack that swells":                  {onePage("", "", zlibBomb).bytes(), ReasonTooComplex},
		"an action that starts a program":     {onePage("", "/AA << /O << /S /Launch /F (cmd.exe) >> >>").bytes(), ReasonActiveContent},
		"a link to a file elsewhere":          {onePage("/OpenAction << /S /GoToR /F (//host/share/x.pdf) >>", "").bytes(), ReasonActiveContent},
		"a form of the dynamic kind":          {onePage("/AcroForm << /XFA 6 0 R >>", "", stream("", "<xdp/>")).bytes(), ReasonActiveContent},
		"an embedded file":                    {onePage("/Names << /EmbeddedFiles << /Names [(a) 6 0 R] >> >>", "", "<< /Type /Filespec /EF << /F 7 0 R >> >>", stream("/Type /EmbeddedFile", "MZ")).bytes(), ReasonEmbeddedFiles},
		"an attachment of a page":             {onePage("", "/Annots [<< /Subtype /FileAttachment /Rect [0 0 9 9] >>]").bytes(), ReasonEmbeddedFiles},
		"an associated file":                  {onePage("/AF [6 0 R]", "", "<< /EF << /F 7 0 R >> >>").bytes(), ReasonEmbeddedFiles},
		"encryption":                          {encryptedPDF(t), ReasonEncrypted},
		"nothing but its magic":               {[]byte("%PDF-1.4 object endobj"), ReasonDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireRefused(t, checkPDF(test.data), fault.Invalid, test.reason)
		})
	}
}

func TestPDFScanLeavesOrdinaryFilesAlone(t *testing.T) {
	t.Parallel()
	for name, data := range map[string][]byte{
		"plain":                               sample.PDF("Business licence", "Issued in Dodoma (2024)", `A back\slash`),
		"outlines, which have First":          onePage("/Outlines 6 0 R", "", "<< /Type /Outlines /First 7 0 R /Last 7 0 R >>", "<< /Title (A \\) b) /Parent 6 0 R >>").bytes(),
		"an action that goes to a page":       onePage("/OpenAction << /S /GoTo /D [3 0 R /Fit] >>", "").bytes(),
		"names that only begin alike":         onePage("/JavaScripts true /LaunchPad true /EncryptMetadata false /JSX 1 /EFG 2", "").bytes(),
		"forbidden words in packed page text": onePage("", "", stream("/Filter /FlateDecode", deflated(t, "BT (HTML/JavaScript /JS) Tj ET"))).bytes(),
		"short names in a picture":            onePage("", "", stream("/Subtype /Image /Filter /DCTDecode", "\xFF\xD8 /JS /EF \xFF\xD9")).bytes(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, checkPDF(data))
		})
	}
}

// Each of these makes a careless scanner take hours: the work per byte must
// stay bounded whatever the file repeats.
func TestPDFScanIsFastWhateverTheFileRepeats(t *testing.T) {
	t.Parallel()
	for name, unit := range map[string]string{
		"objects in strings":                  "1 0 obj (",
		"dictionaries that never end":         "1 0 obj << ",
		"packs that are not packed":           "1 0 obj << /First 1 >> stream\n",
		"small packs":                         "1 0 obj << /First 1 /Filter /FlateDecode >> stream\n" + deflated(t, " "),
		"a pack that swells, again and again": "1 0 obj << /First 1 /Filter /FlateDecode >> stream\n" + deflated(t, strings.Repeat(" ", 1<<20)),
		"brackets":                            "obj [",
		"slashes":                             "/",
		"escapes":                             "/#4a#4a#4a#4a#4a#4a#4a#4a#4a#4a",
	} {
		t.Run(name, func(t *testing.T) {
			data := append([]byte("%PDF-1.7\n"), bytes.Repeat([]byte(unit), MaxSize/len(unit)-1)...)
			started := time.Now()
			err := checkPDF(data)
			require.Error(t, err)
			require.NotNil(t, fault.As(err))
			require.Less(t, time.Since(started), time.Minute)
		})
	}
}

func FuzzPDFScan(f *testing.F) {
	f.Add(sample.PDF("TIN certificate", "Kilimo Bora Ltd"))
	f.Add([]byte("1 0 obj << /S /J#61vaScript /JS (x) >> endobj"))
	f.Add([]byte("1 0 obj << /Type /ObjStm /N 1 /First 4 /Filter /FlateDecode >> stream\n\x78\x9c\x03\x00\x00\x00\x00\x01 endstream"))
	f.Add([]byte("1 0 obj [ (a\\)( ) <61> % c\n ] endobj trailer << /Encrypt 2 0 R >>"))
	f.Add([]byte("obj(\\"))
	plain := regexp.MustCompile(`/(JavaScript|Launch|EmbeddedFiles?|Encrypt|RichMedia)([\x00\t\n\f\r ()<>\[\]{}/%]|$)`)
	f.Fuzz(func(t *testing.T, data []byte) {
		err := checkPDF(data)
		if err != nil {
			require.NotNil(t, fault.As(err), "every error is a refusal")
		}
		if plain.Match(data) {
			require.Error(t, err, "%q", plain.Find(data))
		}
	})
}
