package account

import "kibali/domain/fault"

// DocumentKind says what a document of an application proves.
type DocumentKind string

// The kinds of documents of the contract.
const (
	TINCertificate             DocumentKind = "tin_certificate"
	BusinessLicence            DocumentKind = "business_licence"
	CertificateOfIncorporation DocumentKind = "certificate_of_incorporation"
	DirectorID                 DocumentKind = "director_id"
	OtherDocument              DocumentKind = "other"
)

// DocumentKinds returns every kind, in the order in which forms show them.
func DocumentKinds() []DocumentKind {
	return []DocumentKind{TINCertificate, BusinessLicence, CertificateOfIncorporation, DirectorID, OtherDocument}
}

// ParseDocumentKind returns the kind named s, or a field "kind".
func ParseDocumentKind(s string) (DocumentKind, *fault.Field) {
	return parseListed("kind", s, DocumentKinds())
}
