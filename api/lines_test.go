package api

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

func TestAFollowedAnswerIsNeverSilentForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := httptest.NewRecorder()
		a := &API{}
		out := a.lineByLine(request{w: w, r: httptest.NewRequest(http.MethodGet, "/v1/events", nil)}, typeNDJSON)
		stop := out.keepOpen()
		<-time.After(3*keepAlive + time.Second)
		stop()
		if got := w.Body.String(); got != "\n\n\n" || !w.Flushed {
			t.Errorf("%q", got)
		}
	})
}
