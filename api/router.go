package api

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/cors"
)

// router puts the routes into chi. GET answers HEAD as well.
func (a *API) router() *chi.Mux {
	mux := chi.NewMux()
	mux.Use(Bounded)
	if a.crossOrigin() {
		mux.Use(a.cors())
	}
	mux.Use(withoutSlash)
	mux.NotFound(a.notHere)
	mux.MethodNotAllowed(a.wrongMethod)
	for i := range a.routes {
		rt := &a.routes[i]
		h := a.handle(rt)
		mux.Method(rt.method, rt.path, h)
		if rt.method == get {
			mux.Method(http.MethodHead, rt.path, h)
		}
	}
	return mux
}

// cors lets pages of the configured origins call. They bring their token in the header; the cookie stays with the
// service's own pages. Any header may come along: tools for tracing and errors add theirs to every request of a page,
// and a preflight that refused one would refuse the call. A header that the API does not know means nothing to it.
func (a *API) cors() func(http.Handler) http.Handler {
	return cors.Handler(cors.Options{
		AllowedOrigins: a.cfg.CORSOrigins,
		AllowedMethods: []string{get, http.MethodHead, post, put, remove},
		AllowedHeaders: []string{"*"},
		ExposedHeaders: []string{headerSeq, headerHeartbeat, headerTimeout, headerRetry},
		MaxAge:         600,
	})
}
