package doctor

import (
	"context"
	"net"
	"net/url"
	"slices"
	"strings"
)

// exampleKeys are secret keys that everyone can read.
var exampleKeys = []string{"a-key-for-trying-it-out-do-not-keep-it"}

func examineSettings(_ context.Context, i Installation) Findings {
	f := &findings{area: "settings"}
	for _, problem := range i.Problems {
		f.add(Failed, "", "", "%s %s", problem.Variable, problem.Text)
	}
	if len(i.Problems) == 0 {
		f.ok("", "complete")
	}
	return slices.Concat(f.list, examineKey(i.SecretKey), examineBaseURL(i.BaseURL))
}

// distinctCharacters is how many different characters a random key of the least
// length has at the very least, whatever its alphabet.
const distinctCharacters = 10

func examineKey(key []byte) Findings {
	if len(key) == 0 {
		return nil // said among the problems
	}
	f := &findings{area: "secret key"}
	const do = "Set KIBALI_SECRET_KEY to what `openssl rand -base64 33` prints, the same for every serve and worker."
	distinct := map[byte]bool{}
	for _, b := range key {
		distinct[b] = true
	}
	for _, example := range exampleKeys {
		if string(key) == example {
			f.add(Warning, "", do, "is the one of the example, which everyone knows")
			return f.list
		}
	}
	if len(distinct) < distinctCharacters {
		f.add(Failed, "", do, "has %d different characters and can be guessed", len(distinct))
		return f.list
	}
	f.ok("", "%d characters", len(key))
	return f.list
}

func examineBaseURL(base string) Findings {
	address, err := url.Parse(base)
	if base == "" || err != nil || address.Host == "" {
		return nil // said among the problems
	}
	f := &findings{area: "base URL"}
	ip := net.ParseIP(address.Hostname())
	local := address.Hostname() == "localhost" || strings.HasSuffix(address.Hostname(), ".localhost") || ip != nil && ip.IsLoopback()
	switch {
	case local:
		f.add(Warning, "", "Set KIBALI_BASE_URL to the address that people use.", "%s can be reached from this machine only", base)
	case address.Scheme != "https":
		f.add(Warning, "", "Put a proxy with TLS in front and set KIBALI_BASE_URL to its https address.", "%s is not https", base)
	default:
		f.ok("", "%s", base)
	}
	return f.list
}
