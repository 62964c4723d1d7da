package tlsfiles

import "crypto/tls"

// HasCertificate reports whether a listener's configuration says which certificate to
// present.
func HasCertificate(c *tls.Config) bool {
	return len(c.Certificates) > 0 || c.GetCertificate != nil || c.GetConfigForClient != nil
}

// ForDialling returns the configuration of the other direction for a node that listens
// with c: it presents the same certificates, and trusts the authorities that c asks of
// clients.
func ForDialling(c *tls.Config) *tls.Config {
	d := &tls.Config{
		Rand: c.Rand, Time: c.Time, Certificates: c.Certificates, RootCAs: c.ClientCAs,
		MinVersion: c.MinVersion, MaxVersion: c.MaxVersion,
		CipherSuites: c.CipherSuites, CurvePreferences: c.CurvePreferences,
	}
	if len(c.Certificates) == 0 && c.GetCertificate != nil {
		d.GetClientCertificate = func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return c.GetCertificate(&tls.ClientHelloInfo{
				SupportedVersions: []uint16{info.Version}, SignatureSchemes: info.SignatureSchemes,
			})
		}
	}
	return d
}
