package auth

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
)

// readKeyFile loads the public keys of --jwt-key-file.
func readKeyFile(path string) (keySet, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading --jwt-key-file: %w", err)
	}
	keys, err := parsePEM(data)
	if err != nil {
		return nil, fmt.Errorf("--jwt-key-file: %w: give it PEM public keys, as from `openssl pkey -pubout`", err)
	}
	return keys, nil
}

// parsePEM reads every block of data; one that is no usable public key fails it all.
func parsePEM(data []byte) (keySet, error) {
	begun := bytes.Count(data, []byte("-----BEGIN "))
	if begun == 0 {
		return nil, errors.New("it holds no PEM block")
	}
	var keys keySet
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		public, err := parseBlock(block)
		if err != nil {
			return nil, err
		}
		k, err := bindPublic(public, "")
		if err != nil {
			return nil, fmt.Errorf("it holds %w", err)
		}
		keys = append(keys, k)
	}
	if len(keys) != begun { // the decoder steps over damaged blocks in silence
		return nil, errors.New("it holds a damaged PEM block")
	}
	return keys, nil
}

func parseBlock(block *pem.Block) (public any, err error) {
	switch {
	case block.Type == "PUBLIC KEY":
		public, err = x509.ParsePKIXPublicKey(block.Bytes)
	case block.Type == "RSA PUBLIC KEY":
		public, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case block.Type == "CERTIFICATE":
		var cert *x509.Certificate
		if cert, err = x509.ParseCertificate(block.Bytes); err == nil {
			public = cert.PublicKey
		}
	case strings.HasSuffix(block.Type, "PRIVATE KEY"):
		return nil, errors.New("it holds a private key, which a verifier must not have")
	default:
		return nil, fmt.Errorf("it holds a PEM block of type %q", block.Type)
	}
	if err != nil {
		return nil, fmt.Errorf("parsing its %s: %w", strings.ToLower(block.Type), err)
	}
	return public, nil
}
