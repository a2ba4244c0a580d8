package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcall-dev/rollcall/events"
)

// Wanted is what a stream is to be like where it works either way.
type Wanted struct {
	Replicas int // 0: as many as it has
}

// WantedAt is what is wanted where nobody has said anything: in a cluster three
// replicas.
func WantedAt(nc *nats.Conn) Wanted {
	if nc.ConnectedClusterName() == "" {
		return Wanted{}
	}
	return Wanted{Replicas: clusterReplicas}
}

// Concerns returns what about a stream works and is yet probably not meant, each
// in a sentence that says what to do; nothing where all is well. info may not be
// nil.
func Concerns(info *jetstream.StreamInfo, want Wanted) (said []string) {
	have := info.Config
	if want.Replicas != 0 && have.Replicas != want.Replicas {
		said = append(said, fmt.Sprintf("stream %s has %s, not %d: `nats stream edit %s --replicas %d`, or give --replicas %d",
			have.Name, copies(have.Replicas), want.Replicas, have.Name, want.Replicas, have.Replicas))
	}
	if have.Storage == jetstream.MemoryStorage {
		return said // the lease, which replaces itself
	}
	if have.MaxBytes > 0 {
		said = append(said, bounded(have, fmt.Sprintf("%d bytes", have.MaxBytes), "max-bytes"))
	}
	if have.MaxMsgs > 0 {
		said = append(said, bounded(have, fmt.Sprintf("%d messages", have.MaxMsgs), "max-msgs"))
	}
	if have.MaxMsgsPerSubject > 0 {
		said = append(said, bounded(have, fmt.Sprintf("%d messages of a subject", have.MaxMsgsPerSubject), "max-msgs-per-subject"))
	}
	return said
}

// bounded says what a bound on a stream does.
func bounded(have jetstream.StreamConfig, bound, flag string) string {
	does := "loses its oldest events there"
	if have.Discard == jetstream.DiscardNew {
		does = "refuses new events there"
	}
	return fmt.Sprintf("stream %s may have %s and %s: `nats stream edit %s --%s=-1` takes the bound away", have.Name, bound, does, have.Name, flag)
}

func copies(n int) string {
	if n == 1 {
		return "one replica"
	}
	return fmt.Sprintf("%d replicas", n)
}

// Differences returns in what a stream is not as Rollcall needs it, each with
// the command that changes it where there is one. Retention in time, replicas
// and bounds on size are the operator's; see Concerns.
func Differences(have, want jetstream.StreamConfig) (said []string) {
	differs := func(setting string, is, must any, change string) {
		if change == "" {
			change = "it cannot be changed: remove the stream if it is not in use"
		} else {
			change = fmt.Sprintf("`nats stream edit %s %s`", want.Name, change)
		}
		said = append(said, fmt.Sprintf("%s is %v and must be %v: %s", setting, is, must, change))
	}
	if have.Storage != want.Storage {
		differs("storage", have.Storage, want.Storage, "")
	}
	if have.Retention != want.Retention {
		differs("retention", have.Retention, want.Retention, "")
	}
	if want.Name == events.StreamHot && have.PersistMode != want.PersistMode {
		differs("persist mode", "async", "default", "")
	}
	if want.MaxAge == 0 && have.MaxAge != 0 {
		differs("maximal age", have.MaxAge, "none", "--max-age=0")
	}
	if want.Discard == jetstream.DiscardNew && have.Discard != want.Discard {
		differs("discard policy", "old", "new", "--discard=new")
	}
	if want.AllowMsgTTL && !have.AllowMsgTTL {
		differs("message TTL", "off", "on", "--allow-msg-ttl")
	}
	if missing := lacking(have.Subjects, want.Subjects); len(missing) > 0 {
		differs("subjects", strings.Join(have.Subjects, ", "), strings.Join(want.Subjects, ", "),
			"--subjects '"+strings.Join(append(slices.Clone(have.Subjects), missing...), "' --subjects '")+"'")
	}
	return said
}

// lacking returns what of want is not in have.
func lacking(have, want []string) (missing []string) {
	for _, s := range want {
		if !slices.Contains(have, s) {
			missing = append(missing, s)
		}
	}
	return missing
}

// leastPayload is what a server must take as one message, in bytes: more than
// the longest event with its headers.
const leastPayload = 16 << 10

// checkPayload returns an error that wraps ErrRefused if the server takes no
// message as large as an event may be.
func checkPayload(most int64) error {
	if most >= leastPayload {
		return nil
	}
	return fmt.Errorf("%w: their max_payload is %d bytes: raise it to %d at least; 1 MiB is the default", ErrRefused, most, leastPayload)
}

// clusterReplicas is how many replicas the log has on a cluster that has servers
// for them.
const clusterReplicas = 3

// Replicas returns how many copies of the log there are, or can be where there
// is no log yet: three where the servers take that many, else one, which is told
// to log. It asks by making the lease's stream, which holds nothing. Errors are
// those of Open.
func Replicas(ctx context.Context, nc *nats.Conn, cfg Config, log *slog.Logger) (int, error) {
	cfg = cfg.withDefaults()
	js, err := cfg.open(nc)
	if err != nil {
		return 0, fmt.Errorf("opening JetStream: %w", asOurs(err))
	}
	for _, name := range []string{events.StreamHot, events.StreamLease} {
		s, err := js.Stream(ctx, name)
		if err == nil {
			return s.CachedInfo().Config.Replicas, nil
		}
		if !errors.Is(err, jetstream.ErrStreamNotFound) {
			return 0, fmt.Errorf("looking for stream %s: %w", name, asOurs(err))
		}
	}
	cfg.Replicas = clusterReplicas
	_, err = js.CreateStream(ctx, cfg.leaseStream())
	if err == nil || errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return clusterReplicas, nil
	}
	if err = asOurs(err); !errors.Is(err, ErrReplicas) {
		return 0, fmt.Errorf("making stream %s: %w", events.StreamLease, err)
	}
	log.Warn("the NATS servers take no three replicas: the log is made with one, and is lost with the server that has it",
		"cluster", nc.ConnectedClusterName(), "said", err)
	return 1, nil
}

// open returns the JetStream of nc that c names.
func (c Config) open(nc *nats.Conn, opts ...jetstream.JetStreamOpt) (jetstream.JetStream, error) {
	opts = append(opts, jetstream.WithPublishAsyncTimeout(c.AckTimeout))
	switch {
	case c.Domain != "":
		return jetstream.NewWithDomain(nc, c.Domain, opts...)
	case c.APIPrefix != "":
		return jetstream.NewWithAPIPrefix(nc, c.APIPrefix, opts...)
	}
	return jetstream.New(nc, opts...)
}
