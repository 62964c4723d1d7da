package tlsfiles

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The files of testdata were made by OpenSSL 3.0: chain.crt is a certificate with the one
// that signed it; the rest is its private key in several forms. Encrypted ones have the
// password "secret".
func TestKeysOfOpenSSL(t *testing.T) {
	cert := filepath.Join("testdata", "chain.crt")
	for _, c := range []struct {
		file, password string
		want           error
	}{
		{"pkcs8.key", "", nil},
		{"pkcs8.key", "needless", nil},
		{"sec1.key", "", nil}, // with the parameters of the curve in front
		{"rfc1423.key", "secret", nil},
		{"rfc1423.key", "", errNoPassword},
		{"rfc1423.key", "wrong", errBadPassword},
		{"pbes2-aes256.key", "secret", nil},
		{"pbes2-aes256.key", "", errNoPassword},
		{"pbes2-aes256.key", "wrong", errBadPassword},
		{"pbes2-aes128-sha1.key", "secret", nil},
		{"pbes2-3des-sha512.key", "secret", nil},
		{"pbes1.key", "secret", errBadEncrypted},
		{"scrypt.key", "secret", errBadEncrypted},
	} {
		pair, err := loadPair("tls-", cert, filepath.Join("testdata", c.file), c.password)
		switch {
		case !errors.Is(err, c.want) || (c.want == nil) != (err == nil):
			t.Errorf("%s, password %q: %v, want %v", c.file, c.password, err, c.want)
		case err == nil && len(pair.Certificate) != 2:
			t.Errorf("%s: %d certificates", c.file, len(pair.Certificate))
		case err != nil && (!strings.Contains(err.Error(), c.file) || c.password != "" &&
			strings.Contains(err.Error(), c.password)):
			t.Errorf("%s, password %q: %v", c.file, c.password, err)
		}
	}
	rsa, err := loadPair("tls-", filepath.Join("testdata", "rsa.crt"), filepath.Join("testdata", "pkcs1.key"), "")
	if err != nil || len(rsa.Certificate) != 1 {
		t.Errorf("PKCS #1: %v", err)
	}
}

func FuzzDecryptKey(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.key"))
	if err != nil || len(files) == 0 {
		f.Fatal("no keys: ", err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		block, _ := pem.Decode(text)
		f.Add(block.Bytes, "secret")
	}
	f.Fuzz(func(t *testing.T, der []byte, password string) {
		k, err := parsePKCS8(der)
		if err != nil {
			if !errors.Is(err, errBadEncrypted) {
				t.Errorf("an error of no class: %v", err)
			}
			return
		}
		k.iterations = min(k.iterations, 2) // the time of a start, not of a test
		if plain, err := k.decrypt([]byte(password)); err == nil {
			block := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: plain})
			tls.X509KeyPair(block, block)
		}
	})
}
