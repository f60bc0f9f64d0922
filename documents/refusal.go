package documents

import "kibali/domain/fault"

// Reason is the stable code of a field error about a refused file.
type Reason string

// Why a file is refused. The field is always "file".
const (
	ReasonEmpty           Reason = "empty"            // no bytes at all
	ReasonUnsupportedType Reason = "unsupported_type" // neither JPEG, PNG, WebP nor PDF
	ReasonTooLarge        Reason = "too_large"        // more than MaxSize bytes
	ReasonDamaged         Reason = "damaged"          // of an accepted type, but it cannot be read
	ReasonDimensions      Reason = "dimensions"       // more pixels than MaxPixels or MaxSide
	ReasonAnimated        Reason = "animated"         // a moving picture
	ReasonEncrypted       Reason = "encrypted"        // a PDF with a password or protection
	ReasonActiveContent   Reason = "active_content"   // a PDF that runs scripts, starts programs or plays media
	ReasonEmbeddedFiles   Reason = "embedded_files"   // a PDF that carries other files
	ReasonTooComplex      Reason = "too_complex"      // checking or drawing it costs more than the bounds allow

	fileField = "file" // the field that every refusal names
)

var reasonDetails = map[Reason]string{
	ReasonEmpty:           "The file is empty.",
	ReasonUnsupportedType: "The file must be a JPEG, PNG or WebP picture or a PDF.",
	ReasonTooLarge:        "The file is larger than 10 MB.",
	ReasonDamaged:         "The file is damaged or incomplete and cannot be opened.",
	ReasonDimensions:      "The picture is too large: at most 50 megapixels and 12,000 pixels on a side.",
	ReasonAnimated:        "Moving pictures are not accepted.",
	ReasonEncrypted:       "The PDF is encrypted or protected. Save it without a password or restrictions.",
	ReasonActiveContent:   "The PDF holds scripts, forms that run scripts, media or links to programs. Print it to a new PDF.",
	ReasonEmbeddedFiles:   "The PDF carries other files. Print it to a new PDF.",
	ReasonTooComplex:      "The file is too complex to be checked. Print it to a new PDF or take a picture of it.",
}

// refuse returns the fault for a file that is not accepted: TooLarge,
// UnsupportedMediaType, or Invalid for every reason that lies in the content of
// a file of an accepted type.
func refuse(reason Reason) error {
	detail := reasonDetails[reason]
	e := &fault.Error{
		Code:    fault.Invalid,
		Message: "The file is not accepted.",
		Fields:  []fault.Field{{Field: fileField, Code: string(reason), Detail: detail}},
	}
	switch reason {
	case ReasonTooLarge:
		e.Code, e.Message = fault.TooLarge, detail
	case ReasonUnsupportedType:
		e.Code, e.Message = fault.UnsupportedMediaType, detail
	}
	return e
}
