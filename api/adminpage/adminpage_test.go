package adminpage_test

import (
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/api/adminpage"
)

func page(t *testing.T) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	if err := adminpage.ServePage(w); err != nil {
		t.Fatal(err)
	}
	return w
}

func asset(t *testing.T, name, tag string) (*httptest.ResponseRecorder, bool) {
	t.Helper()
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/admin/assets/x", nil)
	r.Header.Set("If-None-Match", tag)
	return w, adminpage.ServeAsset(w, r, name)
}

func TestThePageMayLoadOnlyItsOwn(t *testing.T) {
	for _, h := range []http.Header{page(t).Header(), first(asset(t, "admin.js", "")).Header()} {
		if got := h.Get("Content-Security-Policy"); got != "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "+
			"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" {
			t.Errorf("policy %s", got)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("headers %v", h)
		}
	}
	if got := page(t).Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("the page may be stored: %s", got)
	}
}

func first[A, B any](a A, _ B) A { return a }

func TestThePageFindsItsFilesRelativeToItself(t *testing.T) {
	body := page(t).Body.String()
	found := regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(body, -1)
	if len(found) < 3 {
		t.Fatalf("too few files in %s", body)
	}
	for _, m := range found {
		name, ok := strings.CutPrefix(m[1], "./assets/")
		if w, there := asset(t, name, ""); !ok || !there || w.Body.Len() == 0 {
			t.Errorf("%s is not served", m[1])
		}
	}
	if regexp.MustCompile(`<script[^>]*>[^<]|<style|style=|onload=`).MatchString(body) {
		t.Error("something is inline, which the policy stops")
	}
}

func TestEveryBuiltFileIsServed(t *testing.T) {
	err := filepath.WalkDir("dist/assets", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		want, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		w, there := asset(t, d.Name(), "")
		if !there || w.Body.String() != string(want) || w.Header().Get("Content-Type") == "" {
			t.Errorf("%s is not served as it is", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAFileThatTheBrowserHasIsNotSentAgain(t *testing.T) {
	w, _ := asset(t, "admin.js", "")
	again, there := asset(t, "admin.js", w.Header().Get("ETag"))
	if !there || again.Code != http.StatusNotModified || again.Body.Len() != 0 {
		t.Errorf("%d with %d bytes", again.Code, again.Body.Len())
	}
	if other, _ := asset(t, "admin.js", `"other"`); other.Code != http.StatusOK {
		t.Errorf("an old file got %d", other.Code)
	}
}

func TestFilesAreCompressedForWhoTakesThat(t *testing.T) {
	for accepted, want := range map[string]bool{
		"gzip": true, "gzip, deflate, br": true, "br;q=1.0, GZIP;q=0.5": true, "*": true, "x-gzip": true,
		"": false, "br": false, "gzip;q=0": false, "gzip; q=0.000, *": false, "*, gzip;q=0": false, "gzip;q=x": false,
	} {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/admin/assets/x", nil)
		r.Header.Set("Accept-Encoding", accepted)
		adminpage.ServeAsset(w, r, "admin.js")
		if got := w.Header().Get("Content-Encoding") == "gzip"; got != want {
			t.Errorf("compressed for %q: %t", accepted, got)
		}
		if w.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("a cache is not told that %q matters", accepted)
		}
	}
}

func TestTheTwoFormsOfAFileAreTheSameAndHaveTheirOwnTags(t *testing.T) {
	get := func(tag string) *httptest.ResponseRecorder {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/admin/assets/x", nil)
		r.Header.Set("Accept-Encoding", "gzip")
		r.Header.Set("If-None-Match", tag)
		adminpage.ServeAsset(w, r, "admin.js")
		return w
	}
	plain, zipped := first(asset(t, "admin.js", "")), get("")
	if 2*zipped.Body.Len() > plain.Body.Len() || zipped.Header().Get("Content-Length") != strconv.Itoa(zipped.Body.Len()) {
		t.Errorf("%d bytes of %d, said to be %s", zipped.Body.Len(), plain.Body.Len(), zipped.Header().Get("Content-Length"))
	}
	r, err := gzip.NewReader(zipped.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != plain.Body.String() {
		t.Errorf("what is unpacked differs: %v", err)
	}
	tag, other := zipped.Header().Get("ETag"), plain.Header().Get("ETag")
	if tag == other {
		t.Errorf("both have the tag %s", tag)
	}
	for given, want := range map[string]int{tag: 304, "W/" + tag: 304, `"old", ` + tag: 304, "*": 304, other: 200, `"old"`: 200} {
		if got := get(given); got.Code != want || got.Header().Get("ETag") != tag {
			t.Errorf("who has %s gets %d with the tag %s", given, got.Code, got.Header().Get("ETag"))
		}
	}
}

func TestOnlyFilesOfThePageAreServed(t *testing.T) {
	for _, name := range []string{"", ".", "..", "../index.html", "admin", "admin.js/", "nothing.js", "index.html"} {
		if w, there := asset(t, name, ""); there || len(w.Header()) > 0 {
			t.Errorf("%q is served", name)
		}
	}
}
