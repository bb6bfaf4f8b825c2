package logs

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lambdabench/lambdabench/platform/body"
)

// TargetPrefix begins the X-Amz-Target header of a request for this API.
const TargetPrefix = "Logs_20140328."

// maxRequest bounds a request, in bytes.
const maxRequest = 256 << 10

// APIConfig says whose logs an API shows, and as whose.
type APIConfig struct {
	Owner           string
	Region, Account string // in ARNs
}

// API is an http.Handler for the calls of CloudWatch Logs that read: JSON 1.1,
// as `aws logs tail` and the SDKs speak it (API Reference, 'Actions').
type API struct {
	cfg   APIConfig
	store *Store
	calls map[string]func([]byte) (any, error)
}

// NewAPI returns the API of a store.
func NewAPI(cfg APIConfig, s *Store) *API {
	a := &API{cfg: cfg, store: s}
	a.calls = map[string]func([]byte) (any, error){
		"DescribeLogGroups":  call(a.describeGroups),
		"DescribeLogStreams": call(a.describeStreams),
		"FilterLogEvents":    call(a.filter),
		"GetLogEvents":       call(a.get),
	}
	return a
}

// apiError is an error in CloudWatch Logs' words.
type apiError struct{ kind, message string }

func (e apiError) Error() string { return e.kind + ": " + e.message }

func invalid(message string) error { return apiError{"InvalidParameterException", message} }

// call decodes a request for a call.
func call[T any](do func(T) (any, error)) func([]byte) (any, error) {
	return func(data []byte) (any, error) {
		var in T
		if len(data) > 0 {
			if err := json.Unmarshal(data, &in); err != nil {
				return nil, apiError{"SerializationException", err.Error()}
			}
		}
		return do(in)
	}
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	out, err := a.serve(w, r)
	status := http.StatusOK
	if err != nil {
		var own apiError
		_, ofBody := body.Status(err)
		switch {
		case errors.As(err, &own):
			status = http.StatusBadRequest
		case errors.Is(err, body.ErrBusy):
			status, own = http.StatusBadRequest, apiError{"ThrottlingException", err.Error()}
		case ofBody:
			status, own = http.StatusBadRequest, apiError{"SerializationException", err.Error()}
		default:
			status, own = http.StatusInternalServerError, apiError{"InternalFailure", err.Error()}
		}
		w.Header().Set("X-Amzn-Errortype", own.kind)
		out = map[string]string{"__type": own.kind, "message": own.message}
	}
	data, err := json.Marshal(out)
	if err != nil { // of maps and strings, none fails
		status, data = http.StatusInternalServerError, []byte(`{"__type":"InternalFailure"}`)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(status)
	_, _ = w.Write(data) // an error: the client is gone
}

func (a *API) serve(w http.ResponseWriter, r *http.Request) (any, error) {
	name := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), TargetPrefix)
	do := a.calls[name]
	if do == nil {
		return nil, apiError{"UnknownOperationException", "this platform has no " + name +
			" of CloudWatch Logs: it has DescribeLogGroups, DescribeLogStreams, FilterLogEvents and GetLogEvents"}
	}
	data, err := body.Read(w, r, maxRequest)
	if err != nil {
		return nil, err
	}
	return do(data)
}

// group is a request's part that names a log group.
type group struct {
	LogGroupName       string `json:"logGroupName"`
	LogGroupIdentifier string `json:"logGroupIdentifier"`
}

// name is the group's name; an identifier may be its ARN.
func (g group) name() (string, error) {
	name := g.LogGroupName
	if name == "" {
		name = g.LogGroupIdentifier
		if _, after, ok := strings.Cut(name, ":log-group:"); ok {
			name = strings.TrimSuffix(after, ":*")
		}
	}
	if name == "" {
		return "", invalid("logGroupName or logGroupIdentifier is missing")
	}
	return name, nil
}

// streamsOf are a group's streams, which must be there.
func (a *API) streamsOf(g group) (string, map[string]*stream, error) {
	name, err := g.name()
	if err != nil {
		return "", nil, err
	}
	groups, err := a.store.streams(a.cfg.Owner)
	if err != nil {
		return "", nil, err
	}
	if groups[name] == nil {
		return "", nil, apiError{"ResourceNotFoundException", "The specified log group does not exist."}
	}
	return name, groups[name], nil
}

func millis(ms *int64) time.Time {
	if ms == nil {
		return time.Time{}
	}
	return time.UnixMilli(*ms)
}

// limitOf is a request's limit, which must be in bounds.
func limitOf(limit *int, most, usual int) (int, error) {
	switch {
	case limit == nil:
		return usual, nil
	case *limit < 1 || *limit > most:
		return 0, invalid("limit is out of bounds")
	}
	return *limit, nil
}

type filterRequest struct {
	group
	LogStreamNames      []string `json:"logStreamNames"`
	LogStreamNamePrefix string   `json:"logStreamNamePrefix"`
	StartTime           *int64   `json:"startTime"`
	EndTime             *int64   `json:"endTime"`
	FilterPattern       string   `json:"filterPattern"`
	NextToken           string   `json:"nextToken"`
	Limit               *int     `json:"limit"`
}

type filteredEvent struct {
	LogStreamName string `json:"logStreamName"`
	Timestamp     int64  `json:"timestamp"`
	Message       string `json:"message"`
	IngestionTime int64  `json:"ingestionTime"`
	EventID       string `json:"eventId"`
}

func (a *API) filter(in filterRequest) (any, error) {
	if len(in.LogStreamNames) > 0 && in.LogStreamNamePrefix != "" {
		return nil, invalid("logStreamNames and logStreamNamePrefix exclude each other")
	}
	limit, err := limitOf(in.Limit, 10_000, 10_000)
	if err != nil {
		return nil, err
	}
	match, err := Pattern(in.FilterPattern)
	if err != nil {
		return nil, invalid(err.Error())
	}
	name, _, err := a.streamsOf(in.group)
	if err != nil {
		return nil, err
	}
	var from place
	if in.NextToken != "" {
		if from, err = parsePlace(in.NextToken); err != nil {
			return nil, invalid("The specified nextToken is invalid.")
		}
	}
	q := Query{
		Owner: a.cfg.Owner, Group: name, Streams: in.LogStreamNames, Prefix: in.LogStreamNamePrefix,
		Since: millis(in.StartTime), Until: millis(in.EndTime), Match: match,
	}
	events, next, more, err := a.store.page(q, from, limit)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(events, func(x, y Event) int { return x.At.Compare(y.At) })
	out := map[string]any{"searchedLogStreams": []any{}}
	shown := make([]filteredEvent, len(events))
	for i, e := range events {
		shown[i] = filteredEvent{e.Stream, e.At.UnixMilli(), e.Message, e.stored.UnixMilli(), e.id()}
	}
	out["events"] = shown
	if more {
		out["nextToken"] = next.String()
	}
	return out, nil
}

type getRequest struct {
	group
	LogStreamName string `json:"logStreamName"`
	StartTime     *int64 `json:"startTime"`
	EndTime       *int64 `json:"endTime"`
	NextToken     string `json:"nextToken"`
	Limit         *int   `json:"limit"`
	StartFromHead bool   `json:"startFromHead"`
}

type event struct {
	Timestamp     int64  `json:"timestamp"`
	Message       string `json:"message"`
	IngestionTime int64  `json:"ingestionTime"`
}

func (a *API) get(in getRequest) (any, error) {
	limit, err := limitOf(in.Limit, 10_000, 10_000)
	if err != nil {
		return nil, err
	}
	name, streams, err := a.streamsOf(in.group)
	if err != nil {
		return nil, err
	}
	if streams[in.LogStreamName] == nil {
		return nil, apiError{"ResourceNotFoundException", "The specified log stream does not exist."}
	}
	start, end := millis(in.StartTime), millis(in.EndTime)
	q := Query{Owner: a.cfg.Owner, Group: name, Streams: []string{in.LogStreamName}}
	if in.StartTime != nil || in.EndTime != nil { // to the millisecond, the end excluded
		inside := func(at time.Time) bool {
			return (start.IsZero() || !at.Before(start)) && (end.IsZero() || at.Before(end))
		}
		q.Since, q.Until, q.inside = start, end, inside
	}
	events, back, forth, err := a.turn(q, in, limit)
	if err != nil {
		return nil, err
	}
	shown := make([]event, len(events))
	for i, e := range events {
		shown[i] = event{e.At.UnixMilli(), e.Message, e.stored.UnixMilli()}
	}
	return map[string]any{"events": shown, "nextBackwardToken": "b/" + back.String(), "nextForwardToken": "f/" +
		forth.String()}, nil
}

// turn is the page that a request asks for, and from where the ones before and
// after it go on.
func (a *API) turn(q Query, in getRequest, limit int) (events []Event, back, forth place, err error) {
	var at place
	way, token, _ := strings.Cut(in.NextToken, "/")
	if in.NextToken != "" {
		if at, err = parsePlace(token); err != nil || way != "f" && way != "b" {
			return nil, at, at, invalid("The specified nextToken is invalid.")
		}
	}
	if way == "f" || way == "" && in.StartFromHead {
		events, forth, _, err = a.store.page(q, at, limit)
		back = at
	} else {
		var before *place
		if way == "b" {
			before = &at
		}
		events, err = a.store.pageBefore(q, before, limit)
		back, forth = at, at
		if n := len(events); n > 0 {
			forth = events[n-1].place()
			forth.line++
		}
	}
	if len(events) > 0 {
		back = events[0].place()
	}
	return events, back, forth, err
}
