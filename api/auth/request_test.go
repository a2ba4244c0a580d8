package auth

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestFromRequest(t *testing.T) {
	v := hsVerifier(t)
	good, bad := hs(alice()), hs(alice().with("sub", nil))
	for _, tt := range []struct {
		name    string
		headers []string // Authorization
		cookies []string
		want    error
	}{
		{"header", []string{"Bearer " + good}, nil, nil},
		{"header, scheme in another case", []string{"bEARER " + good}, nil, nil},
		{"cookie", nil, []string{CookieName + "=" + good}, nil},
		{"header and cookie", []string{"Bearer " + good}, []string{CookieName + "=" + bad}, nil},
		{"another cookie besides", nil, []string{"a=b", CookieName + "=" + good}, nil},
		{"neither", nil, nil, ErrMissing},
		{"another cookie", nil, []string{"session=" + good}, ErrMissing},
		{"emptied cookie", nil, []string{CookieName + "="}, ErrMissing},
		{"bad header, good cookie", []string{"Bearer " + bad}, []string{CookieName + "=" + good}, ErrInvalid},
		{"empty header, good cookie", []string{""}, []string{CookieName + "=" + good}, ErrInvalid},
		{"two equal headers", []string{"Bearer " + good, "Bearer " + good}, nil, ErrInvalid},
		{"two tokens in one header", []string{"Bearer " + good + ", Bearer " + good}, nil, ErrInvalid},
		{"two cookies", nil, []string{CookieName + "=" + good, CookieName + "=" + good}, ErrInvalid},
		{"scheme alone", []string{"Bearer"}, nil, ErrInvalid},
		{"scheme and a space", []string{"Bearer "}, nil, ErrInvalid},
		{"no scheme", []string{good}, nil, ErrInvalid},
		{"Basic", []string{"Basic YWxpY2U6c2VjcmV0"}, nil, ErrInvalid},
		{"two spaces", []string{"Bearer  " + good}, nil, ErrInvalid},
		{"tab", []string{"Bearer\t" + good}, nil, ErrInvalid},
		{"bad cookie", nil, []string{CookieName + "=" + bad}, ErrInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/v1/heartbeat", http.NoBody)
			r.Header["Authorization"] = tt.headers
			for _, c := range tt.cookies {
				r.Header.Add("Cookie", c)
			}
			p, err := v.FromRequest(r)
			if !errors.Is(err, tt.want) || (err == nil) != (p != nil && p.User == "alice") {
				t.Errorf("%+v, %v, want error %v", p, err, tt.want)
			}
		})
	}
}

func TestTokenInTheURLIsNotLookedAt(t *testing.T) {
	token := hs(alice())
	r := httptest.NewRequest(http.MethodGet, "/v1/stream?access_token="+token+"&token="+token, http.NoBody)
	if _, err := hsVerifier(t).FromRequest(r); !errors.Is(err, ErrMissing) {
		t.Errorf("error %v, want ErrMissing", err)
	}
}

func TestRememberedTokenCostsNoAllocation(t *testing.T) {
	v := hsVerifier(t)
	r := httptest.NewRequest(http.MethodPost, "/v1/heartbeat", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+hs(alice()))
	if got := testing.AllocsPerRun(100, func() {
		if _, err := v.FromRequest(r); err != nil {
			t.Fatal(err)
		}
	}); got != 0 {
		t.Errorf("%v allocations, want 0", got)
	}
}

func TestRememberedTokenInABufferCostsNoAllocation(t *testing.T) {
	v := hsVerifier(t)
	token := []byte(hs(alice()))
	if got := testing.AllocsPerRun(100, func() {
		if _, err := v.VerifyBytes(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}); got != 0 {
		t.Errorf("%v allocations, want 0", got)
	}
}
