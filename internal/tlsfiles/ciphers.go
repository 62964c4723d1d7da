package tlsfiles

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
)

// openSSLNames are the names that OpenSSL, and so the directive tls-ciphers, has for the
// suites of TLS 1.2 and older that crypto/tls considers safe.
var openSSLNames = map[string]uint16{
	"ECDHE-ECDSA-AES128-GCM-SHA256": tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	"ECDHE-ECDSA-AES256-GCM-SHA384": tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	"ECDHE-ECDSA-CHACHA20-POLY1305": tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	"ECDHE-ECDSA-AES128-SHA":        tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
	"ECDHE-ECDSA-AES256-SHA":        tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
	"ECDHE-RSA-AES128-GCM-SHA256":   tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	"ECDHE-RSA-AES256-GCM-SHA384":   tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	"ECDHE-RSA-CHACHA20-POLY1305":   tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	"ECDHE-RSA-AES128-SHA":          tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
	"ECDHE-RSA-AES256-SHA":          tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
}

// neverThere are classes of OpenSSL of which no suite above is a member, so that to exclude
// them changes nothing.
var neverThere = strings.Fields("aNULL eNULL NULL EXP EXPORT LOW MEDIUM DES 3DES RC2 RC4 MD5 PSK SRP DSS aDSS " +
	"CAMELLIA SEED IDEA ADH AECDH SSLv2 SSLv3 kRSA DH kDH DHE kDHE EDH ARIA AESCCM")

// parseCiphers reads the directive tls-ciphers: names of suites, DEFAULT, HIGH or ALL for
// all that are safe, and exclusions such as !MEDIUM, as far as they concern those. nil
// stands for all.
func parseCiphers(text string) ([]uint16, error) {
	words := strings.FieldsFunc(text, func(r rune) bool { return r == ':' || r == ',' || r == ' ' })
	if len(words) == 0 {
		return nil, nil
	}
	ids := make(map[string]uint16)
	for name, id := range openSSLNames {
		ids[name], ids[tls.CipherSuiteName(id)] = id, id
	}
	var suites, excluded []uint16
	for _, word := range words {
		name := strings.TrimLeft(word, "!-")
		id, known := ids[name]
		switch {
		case word == "DEFAULT", word == "HIGH", word == "ALL":
			for _, id := range openSSLNames {
				suites = append(suites, id)
			}
		case strings.HasPrefix(word, "@"): // @STRENGTH, @SECLEVEL: the order is crypto/tls's own
		case name != word && known:
			excluded = append(excluded, id)
		case name != word && slices.Contains(neverThere, name):
		case known && name == word:
			suites = append(suites, id)
		default:
			return nil, fmt.Errorf("%q is not one of the ciphers that this server has: use names such as "+
				"ECDHE-RSA-AES128-GCM-SHA256, or DEFAULT", word)
		}
	}
	suites = slices.DeleteFunc(suites, func(id uint16) bool { return slices.Contains(excluded, id) })
	if len(suites) == 0 {
		return nil, fmt.Errorf("no cipher is left")
	}
	slices.Sort(suites)
	return slices.Compact(suites), nil
}
