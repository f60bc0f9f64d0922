package account

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"kibali/domain/fault"
)

// parseWebsite returns an absolute http or https URL in ASCII, "https://" put
// before one that has no scheme. It refuses user names in the URL, which hide
// where it leads, hosts that are no domain name, and characters that do not
// belong in a URL.
func parseWebsite(s string) (string, *fault.Field) {
	s = strings.TrimSpace(s)
	if s == "" {
		return "", nil
	}
	bad := refuse("company.website", CodeInvalid, "Must be a web address, such as https://www.example.co.tz.")
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool {
		return r == ' ' || !isVisible(r) || strings.ContainsRune("\"<>\\^`{|}", r)
	}) {
		return "", bad
	}
	if at := strings.Index(s, "://"); at < 0 || strings.ContainsAny(s[:at], "/?#") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		return "", bad
	}
	host, ok := parseHostPort(u)
	if !ok {
		return "", bad
	}
	website := u.Scheme + "://" + host + escaped(u)
	if len(website) > maxWebsite {
		return "", tooLong("company.website", maxWebsite)
	}
	return website, nil
}

// parseHostPort returns the host of u in ASCII with its port, if it has one.
func parseHostPort(u *url.URL) (string, bool) {
	host, ok := parseDomain(u.Hostname())
	if !ok || strings.HasSuffix(u.Host, ":") {
		return "", false
	}
	if u.Port() == "" {
		return host, true
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || port == 0 {
		return "", false
	}
	return host + ":" + strconv.FormatUint(port, 10), true
}

// escaped returns path, query and fragment of u in ASCII. A path of "/" is the
// same as none.
func escaped(u *url.URL) string {
	rest := u.EscapedPath()
	if rest == "/" {
		rest = ""
	}
	if u.RawQuery != "" {
		rest += "?" + escapeNonASCII(u.RawQuery)
	}
	if fragment := u.EscapedFragment(); fragment != "" {
		rest += "#" + fragment
	}
	return rest
}

func escapeNonASCII(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if s[i] < utf8.RuneSelf {
			b.WriteByte(s[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", s[i])
		}
	}
	return b.String()
}
