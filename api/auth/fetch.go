package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/MicahParks/jwkset"
)

const (
	fetchTimeout = 5 * time.Second
	maxKeySet    = 1 << 20 // bytes
	maxRedirects = 3
)

// newHTTPClient makes the client of Config.HTTPClient's zero value. It keeps no connection open between fetches.
func newHTTPClient() *http.Client {
	return &http.Client{
		Timeout: fetchTimeout,
		Transport: &http.Transport{
			Proxy:             http.ProxyFromEnvironment,
			DisableKeepAlives: true,
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return errors.New("too many redirects")
			}
			if via[0].URL.Scheme == "https" && r.URL.Scheme != "https" {
				return errors.New("a redirect away from https")
			}
			return nil
		},
	}
}

// fetchKeys gets the key set behind url. skipped says which keys of it cannot be used and why; "" where all can.
func fetchKeys(ctx context.Context, client *http.Client, url string) (keys keySet, skipped string, err error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, "", fmt.Errorf("asking for the JWKS: %w", err)
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	resp, err := client.Do(req)
	if err != nil {
		return nil, "", fmt.Errorf("asking for the JWKS: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, "", fmt.Errorf("asking for the JWKS: the answer is %s", resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxKeySet+1))
	if err != nil {
		return nil, "", fmt.Errorf("reading the JWKS: %w", err)
	}
	if len(body) > maxKeySet {
		return nil, "", fmt.Errorf("reading the JWKS: it is longer than %d bytes", maxKeySet)
	}
	return parseKeySet(body)
}

// parseKeySet reads a JSON Web Key Set. One key that cannot be used does not spoil the others.
func parseKeySet(body []byte) (keys keySet, skipped string, err error) {
	var set struct {
		Keys *[]json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil || set.Keys == nil {
		return nil, "", errors.New("reading the JWKS: it is no JSON object with keys")
	}
	var reasons []string
	for _, raw := range *set.Keys {
		k, err := parseJWK(raw)
		if err != nil {
			reasons = append(reasons, err.Error())
			continue
		}
		if !slices.ContainsFunc(keys, k.same) {
			keys = append(keys, k)
		}
	}
	return keys, strings.Join(reasons, "; "), nil
}

// parseJWK reads one public signature key. A symmetric key is refused whatever it says of itself: who can read the
// set could sign with it.
func parseJWK(raw []byte) (key, error) {
	var m jwkset.JWKMarshal
	if err := json.Unmarshal(raw, &m); err != nil {
		return key{}, errors.New("a key that is no JSON object of strings")
	}
	named := func(format string, args ...any) error {
		return fmt.Errorf("key %q: %w", m.KID, fmt.Errorf(format, args...))
	}
	switch {
	case m.KTY == jwkset.KtyOct:
		return key{}, named("it is symmetric")
	case m.D != "":
		return key{}, named("its private half is published")
	case m.USE != "" && m.USE != jwkset.UseSig, len(m.KEYOPS) > 0 && !slices.Contains(m.KEYOPS, jwkset.KeyOpsVerify):
		return key{}, named("it is not for signatures")
	}
	parsed, err := jwkset.NewJWKFromMarshal(m, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	if err != nil {
		return key{}, named("parsing it: %w", err)
	}
	k, err := bindPublic(parsed.Key(), m.KID)
	if err != nil {
		return key{}, named("it is %w", err)
	}
	if m.ALG != "" && m.ALG.String() != k.alg {
		return key{}, named("it is for %s, not %s", m.ALG, k.alg)
	}
	return k, nil
}
