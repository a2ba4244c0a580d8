package auth

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"
)

func TestKeyFileBindsByKeyType(t *testing.T) {
	publics := map[string]any{rs256: &rsaKey().PublicKey, es256: &ecKey().PublicKey, eddsa: ed25519Key().Public()}
	privates := map[string]any{rs256: rsaKey(), es256: ecKey(), eddsa: ed25519Key()}
	for alg, public := range publics {
		v := newVerifier(t, Config{KeyFile: writeFile(t, publicPEM(public)), Now: atNoon})
		if err := v.Ready(); err != nil {
			t.Errorf("%s: Ready: %v", alg, err)
		}
		for other, private := range privates {
			err := verifyErr(v, signed(other, "some-kid", private, alice()))
			if want := other == alg; (err == nil) != want || err != nil && !errors.Is(err, ErrInvalid) {
				t.Errorf("a key for %s, a token by %s: error %v", alg, other, err)
			}
		}
		if err := verifyErr(v, hs(alice())); !errors.Is(err, ErrInvalid) {
			t.Errorf("a key for %s, a token by HS256: error %v, want ErrInvalid", alg, err)
		}
	}
}

func TestKeyFileWithSeveralKeys(t *testing.T) {
	file := joined(publicPEM(&rsaKey().PublicKey), []byte("\nold one:\n"), publicPEM(&rsaKey2().PublicKey), publicPEM(ed25519Key().Public()))
	v := newVerifier(t, Config{KeyFile: writeFile(t, file), Secret: secret, Now: atNoon})
	for name, token := range map[string]string{
		"first RSA": signed(rs256, "", rsaKey(), alice()), "second RSA": signed(rs256, "", rsaKey2(), alice()),
		"Ed25519": signed(eddsa, "", ed25519Key(), alice()), "secret": hs(alice()),
	} {
		if err := verifyErr(v, token); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := verifyErr(v, signed(es256, "", ecKey(), alice())); !errors.Is(err, ErrInvalid) {
		t.Errorf("ES256: error %v, want ErrInvalid", err)
	}
}

func TestKeyFileForms(t *testing.T) {
	pkcs1 := pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&rsaKey().PublicKey)})
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: noon.Add(time.Hour)}
	cert := must(x509.CreateCertificate(rand.Reader, template, template, &rsaKey().PublicKey, rsaKey()))
	for name, data := range map[string][]byte{
		"PKCS #1":     pkcs1,
		"certificate": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
	} {
		v := newVerifier(t, Config{KeyFile: writeFile(t, data), Now: atNoon})
		if err := verifyErr(v, signed(rs256, "", rsaKey(), alice())); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeyFileRefuses(t *testing.T) {
	good := publicPEM(ed25519Key().Public())
	small := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 1023), E: 65537}
	for name, tt := range map[string]struct {
		data []byte
		want string
	}{
		"empty":         {nil, "no PEM block"},
		"no PEM":        {[]byte("ssh-ed25519 AAAA"), "no PEM block"},
		"private key":   {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(rsaKey()))}), "private key"},
		"other block":   {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: []byte{1}}), "CERTIFICATE REQUEST"},
		"no key inside": {pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte{1}}), "parsing"},
		"1024 bit RSA":  {publicPEM(small), "1024 bits"},
		"P-384":         {publicPEM(&ecKeyP384().PublicKey), "P-384"},
		"cut short":     {joined(good, good[:len(good)/2]), "damaged"},
		"one bad":       {joined(good, publicPEM(&ecKeyP384().PublicKey)), "P-384"},
	} {
		_, err := New(Config{KeyFile: writeFile(t, tt.data)})
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "--jwt-key-file") {
			t.Errorf("%s: error %v, want one on --jwt-key-file that says %q", name, err, tt.want)
		}
	}
}

func joined(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
