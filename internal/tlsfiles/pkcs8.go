package tlsfiles

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"hash"
)

// The encrypted form of PKCS #8 (RFC 5958) with the scheme PBES2 (RFC 8018), which OpenSSL
// writes unless told otherwise: PBKDF2 makes a key of the password, a block cipher in CBC
// mode decrypts.

type encryptedKey struct {
	Algorithm pkix.AlgorithmIdentifier
	Data      []byte
}

type pbes2 struct {
	KDF, Cipher pkix.AlgorithmIdentifier
}

type pbkdf2Params struct {
	Salt       []byte
	Iterations int
	KeyLength  int                      `asn1:"optional"`
	PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
}

// maxIterations bounds how long a start takes: about 10 s. OpenSSL writes 2,048.
const maxIterations = 10_000_000

var (
	oidPBES2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
)

// prfs are the functions that PBKDF2 uses, by their object identifiers. The first is the
// default.
var prfs = []struct {
	oid asn1.ObjectIdentifier
	new func() hash.Hash
}{
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 7}, sha1.New},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 8}, sha256.New224},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}, sha256.New},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 10}, sha512.New384},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 11}, sha512.New},
}

var ciphers = []struct {
	oid       asn1.ObjectIdentifier
	keyLength int
	new       func(key []byte) (cipher.Block, error)
}{
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 2}, 16, aes.NewCipher},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 22}, 24, aes.NewCipher},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}, 32, aes.NewCipher},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 3, 7}, 24, des.NewTripleDESCipher},
}

// pbes2Key is an encrypted private key that has been read and not decrypted.
type pbes2Key struct {
	salt       []byte
	iterations int
	prf        func() hash.Hash
	keyLength  int
	block      func(key []byte) (cipher.Block, error)
	iv, data   []byte
}

func decryptPKCS8(der, password []byte) ([]byte, error) {
	k, err := parsePKCS8(der)
	if err != nil {
		return nil, err
	}
	return k.decrypt(password)
}

func parsePKCS8(der []byte) (*pbes2Key, error) {
	var (
		info   encryptedKey
		scheme pbes2
		kdf    pbkdf2Params
		k      pbes2Key
	)
	if rest, err := asn1.Unmarshal(der, &info); err != nil || len(rest) > 0 {
		return nil, errBadEncrypted
	}
	if !info.Algorithm.Algorithm.Equal(oidPBES2) {
		return nil, fmt.Errorf("%w: its scheme is %v, not PBES2: write it anew with openssl pkcs8 -topk8 -v2 aes-256-cbc",
			errBadEncrypted, info.Algorithm.Algorithm)
	}
	if _, err := asn1.Unmarshal(info.Algorithm.Parameters.FullBytes, &scheme); err != nil {
		return nil, errBadEncrypted
	}
	if !scheme.KDF.Algorithm.Equal(oidPBKDF2) {
		return nil, fmt.Errorf("%w: its key is derived by %v, not PBKDF2: write it anew with openssl pkcs8 -topk8 "+
			"-v2 aes-256-cbc", errBadEncrypted, scheme.KDF.Algorithm)
	}
	if _, err := asn1.Unmarshal(scheme.KDF.Parameters.FullBytes, &kdf); err != nil {
		return nil, errBadEncrypted
	}
	if kdf.Iterations < 1 || kdf.Iterations > maxIterations {
		return nil, fmt.Errorf("%w: %d iterations of PBKDF2, at most %d are done", errBadEncrypted, kdf.Iterations,
			maxIterations)
	}
	k.salt, k.iterations, k.data = kdf.Salt, kdf.Iterations, info.Data
	for i, f := range prfs {
		if f.oid.Equal(kdf.PRF.Algorithm) || i == 0 && len(kdf.PRF.Algorithm) == 0 {
			k.prf = f.new
		}
	}
	for _, c := range ciphers {
		if c.oid.Equal(scheme.Cipher.Algorithm) {
			k.block, k.keyLength = c.new, c.keyLength
		}
	}
	if k.prf == nil || k.block == nil {
		return nil, fmt.Errorf("%w: it needs the cipher %v and the function %v, of which one is not known",
			errBadEncrypted, scheme.Cipher.Algorithm, kdf.PRF.Algorithm)
	}
	if _, err := asn1.Unmarshal(scheme.Cipher.Parameters.FullBytes, &k.iv); err != nil {
		return nil, errBadEncrypted
	}
	return &k, nil
}

func (k *pbes2Key) decrypt(password []byte) ([]byte, error) {
	key, err := pbkdf2.Key(k.prf, string(password), k.salt, k.iterations, k.keyLength)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBadEncrypted, err)
	}
	block, err := k.block(key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBadEncrypted, err)
	}
	size := block.BlockSize()
	if len(k.iv) != size || len(k.data) == 0 || len(k.data)%size != 0 {
		return nil, errBadEncrypted
	}
	plain := make([]byte, len(k.data))
	cipher.NewCBCDecrypter(block, k.iv).CryptBlocks(plain, k.data)
	pad := int(plain[len(plain)-1])
	if pad < 1 || pad > size {
		return nil, errBadPassword
	}
	for _, b := range plain[len(plain)-pad:] {
		if int(b) != pad {
			return nil, errBadPassword
		}
	}
	plain = plain[:len(plain)-pad]
	var v asn1.RawValue
	if rest, err := asn1.Unmarshal(plain, &v); err != nil || len(rest) > 0 {
		return nil, errBadPassword // about one password of 256 leaves padding that looks right
	}
	return plain, nil
}
