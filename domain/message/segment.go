package message

import "strings"

const (
	gsmBasic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmExtended = "\f^{}\\[~]|€" // an escape and a character each
)

// Segments returns how many SMS a text takes: 160 characters of the GSM 7-bit
// alphabet in one and 153 in each of several, else 70 and 67 UTF-16 units. A
// character is never split between two. It is 0 for an empty text.
func Segments(text string) int {
	single, each, width := 160, 153, gsmWidth
	if !GSM(text) {
		single, each, width = 70, 67, utf16Width
	}
	total, segments, used := 0, 1, 0
	for _, r := range text {
		w := width(r)
		total += w
		if used+w > each {
			segments, used = segments+1, 0
		}
		used += w
	}
	switch {
	case total == 0:
		return 0
	case total <= single:
		return 1
	}
	return segments
}

// GSM reports whether a text is of the GSM 7-bit alphabet.
func GSM(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return gsmWidth(r) == 0 })
}

// gsmWidth is how many septets a character takes, 0 when it has none.
func gsmWidth(r rune) int {
	switch {
	case strings.ContainsRune(gsmBasic, r):
		return 1
	case strings.ContainsRune(gsmExtended, r):
		return 2
	}
	return 0
}

func utf16Width(r rune) int {
	if r > 0xFFFF {
		return 2
	}
	return 1
}
