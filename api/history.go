package api

import (
	"encoding/base64"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/projections/history"
)

// historyAnswer is a page of what a user has been.
type historyAnswer struct {
	User      string          `json:"user"`
	Intervals []intervalShown `json:"intervals" nullable:"false" doc:"Oldest first"`
	Online    int64           `json:"online_seconds" doc:"How long the user was online from from to to, whatever the page"`
	Complete  bool            `json:"complete" doc:"False where retention has cut what would be needed"`
	Next      string          `json:"next,omitempty" doc:"The cursor of the next page; left out on the last"`
}

// intervalShown is a stretch of time in which a user's status was one.
type intervalShown struct {
	Status events.Status `json:"status" enum:"online,away,busy,offline"`
	From   moment        `json:"from"`
	To     moment        `json:"to" doc:"null: it goes on"`
	Cause  events.Cause  `json:"cause" enum:"login,heartbeat,logout,timeout,left,override,override_cleared,override_expired,idle" doc:"Why it began"`
	Actor  string        `json:"actor" doc:"Who made it begin"`
	Seq    uint64        `json:"seq" doc:"The event that did"`
}

func shownInterval(i *history.Interval) intervalShown {
	return intervalShown{Status: i.Status, From: moment(i.From), To: moment(i.To), Cause: i.Cause, Actor: i.Actor, Seq: i.Seq}
}

// intervalsOfUser answers with JSON, a page at a time, or with CSV of all.
func intervalsOfUser() endpoint {
	return endpoint{serve: (*API).history, offers: []string{typeJSON, typeCSV},
		answers: map[int]contents{http.StatusOK: {typeJSON: typeOf[historyAnswer](), typeCSV: typeOf[string]()}}}
}

// history shows the intervals of the user in the path.
func (a *API) history(q request) (int, error) {
	asked, err := a.historyQuery(q)
	if err != nil {
		return 0, err
	}
	if err := a.settle(q); err != nil {
		return 0, err
	}
	if err := a.checkNamed(asked.User); err != nil {
		return 0, err
	}
	a.charge(q.who, costHeavy)
	if preferred(q.r.Header["Accept"], []string{typeJSON, typeCSV}) == typeCSV {
		return a.historyRows(q, asked)
	}
	if asked.Limit == 0 {
		asked.Limit = defaultLimit
	}
	done, err := a.heavy(q)
	if err != nil {
		return 0, err
	}
	page, err := a.cfg.History.Intervals(asked)
	done()
	if err != nil {
		return 0, fmt.Errorf("reading the history: %w", err)
	}
	out := historyAnswer{User: asked.User, Intervals: make([]intervalShown, len(page.Intervals)), Online: page.Online / 1000, Complete: page.Complete}
	for i := range page.Intervals {
		out.Intervals[i] = shownInterval(&page.Intervals[i])
	}
	if page.More {
		out.Next = positionCursor(page.Intervals[len(page.Intervals)-1].Position())
	}
	return http.StatusOK, writeJSON(q.w, http.StatusOK, out)
}

// historyQuery reads what is asked for; Limit is 0 where none is given.
func (a *API) historyQuery(q request) (asked history.Query, err error) {
	if asked.User, err = q.user(); err != nil {
		return asked, err
	}
	if err := q.may(auth.ActAudit, asked.User); err != nil {
		return asked, err
	}
	if asked.From, asked.To, err = q.query.stretch(0, 0); err != nil {
		return asked, err
	}
	limit, err := q.query.number("limit", 0, 1, maxLimit)
	if err != nil {
		return asked, err
	}
	asked.Limit = int(limit)
	if asked.After, err = parsePosition(q.query["cursor"]); err != nil {
		return asked, err
	}
	return asked, a.keepsHistory()
}

// keepsHistory is nil unless the node keeps none.
func (a *API) keepsHistory() error {
	if a.cfg.History == nil {
		return fault(notFound, "This node keeps no history.")
	}
	return nil
}

var errUnknownUser = fault(unknownUser, "The log has never named this user: unknown is not offline.")

// checkNamed returns errUnknownUser for one whom neither view knows.
func (a *API) checkNamed(id string) error {
	_, known, err := a.cfg.View.User(id)
	if err != nil || known {
		return err
	}
	_, found, err := a.cfg.History.At(id, math.MaxInt64-1)
	if err != nil {
		return fmt.Errorf("reading the history: %w", err)
	}
	if !found {
		return errUnknownUser
	}
	return nil
}

// positionCursor is the cursor of the page that begins behind p.
func positionCursor(p history.Position) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d.%d.%d", p.From, p.Seq, p.N))
}

func parsePosition(cursor string) (p history.Position, err error) {
	if cursor == "" {
		return p, nil
	}
	bad := invalidParameter.at("query.cursor", "give back what the answer before called next")
	text, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	parts := strings.Split(string(text), ".")
	if err != nil || len(parts) != 3 {
		return p, bad
	}
	from, err1 := strconv.ParseUint(parts[0], 10, 63)
	seq, err2 := strconv.ParseUint(parts[1], 10, 64)
	n, err3 := strconv.ParseUint(parts[2], 10, 16)
	if err1 != nil || err2 != nil || err3 != nil {
		return p, bad
	}
	return history.Position{From: events.Millis(from), Seq: seq, N: uint16(n)}, nil
}
