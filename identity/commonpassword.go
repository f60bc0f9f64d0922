package identity

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"io"
	"strings"
	"sync"
)

// The passwords of twelve characters or more among the million that are met
// most often in what was stolen from others, in lower case and sorted, one a
// line: most of them look strong to an estimate and are tried first all the
// same. They come from "10-million-password-list-top-1000000" of SecLists (MIT
// licence, Copyright (c) 2018 Daniel Miessler), which is made of the list that
// Mark Burnett gave to the public.
//
//go:embed commonpasswords.txt.gz
var packedCommonPasswords []byte

// commonPasswords is the list, unpacked when it is first needed. The file is
// part of the program, so it can be read.
var commonPasswords = sync.OnceValue(func() string {
	unpacked, err := gzip.NewReader(bytes.NewReader(packedCommonPasswords))
	if err != nil {
		panic(err)
	}
	list, err := io.ReadAll(unpacked)
	if err != nil {
		panic(err)
	}
	return string(list)
})

// isCommonPassword reports whether a password is on the list, in any case.
func isCommonPassword(password string) bool {
	wanted := strings.ToLower(password)
	list := commonPasswords()
	// Each step halves what is left of the list, at the beginning of a line.
	for list != "" {
		begin := strings.LastIndexByte(list[:len(list)/2], '\n') + 1
		line, _, _ := strings.Cut(list[begin:], "\n")
		switch order := strings.Compare(wanted, line); {
		case order == 0:
			return true
		case order < 0:
			list = list[:begin]
		default:
			list = list[begin+len(line)+1:]
		}
	}
	return false
}
