package logs

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

type groupsRequest struct {
	LogGroupNamePrefix  string `json:"logGroupNamePrefix"`
	LogGroupNamePattern string `json:"logGroupNamePattern"`
	Limit               *int   `json:"limit"`
	NextToken           string `json:"nextToken"`
}

type groupShown struct {
	LogGroupName      string `json:"logGroupName"`
	CreationTime      int64  `json:"creationTime"`
	MetricFilterCount int    `json:"metricFilterCount"`
	ARN               string `json:"arn"`
	LogGroupARN       string `json:"logGroupArn"`
	StoredBytes       int64  `json:"storedBytes"`
	LogGroupClass     string `json:"logGroupClass"`
}

func (a *API) arn(group string) string {
	return "arn:aws:logs:" + a.cfg.Region + ":" + a.cfg.Account + ":log-group:" + group
}

func (a *API) describeGroups(in groupsRequest) (any, error) {
	limit, err := limitOf(in.Limit, 50, 50)
	if err != nil {
		return nil, err
	}
	groups, err := a.store.streams(a.cfg.Owner)
	if err != nil {
		return nil, err
	}
	shown := []groupShown{}
	out := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		pattern := strings.Contains(strings.ToLower(name), strings.ToLower(in.LogGroupNamePattern))
		if !strings.HasPrefix(name, in.LogGroupNamePrefix) || !pattern || in.NextToken != "" && name <= in.NextToken {
			continue
		}
		if len(shown) == limit {
			out["nextToken"] = shown[limit-1].LogGroupName
			break
		}
		g := groupShown{LogGroupName: name, ARN: a.arn(name) + ":*", LogGroupARN: a.arn(name),
			LogGroupClass: "STANDARD"}
		for _, st := range groups[name] {
			g.StoredBytes += st.bytes
			if first := st.first.UnixMilli(); g.CreationTime == 0 || first < g.CreationTime {
				g.CreationTime = first
			}
		}
		shown = append(shown, g)
	}
	out["logGroups"] = shown
	return out, nil
}

type streamsRequest struct {
	group
	LogStreamNamePrefix string `json:"logStreamNamePrefix"`
	OrderBy             string `json:"orderBy"`
	Descending          bool   `json:"descending"`
	Limit               *int   `json:"limit"`
	NextToken           string `json:"nextToken"`
}

type streamShown struct {
	LogStreamName       string `json:"logStreamName"`
	CreationTime        int64  `json:"creationTime"`
	FirstEventTimestamp int64  `json:"firstEventTimestamp"`
	LastEventTimestamp  int64  `json:"lastEventTimestamp"`
	LastIngestionTime   int64  `json:"lastIngestionTime"`
	ARN                 string `json:"arn"`
	StoredBytes         int64  `json:"storedBytes"`
}

func (a *API) describeStreams(in streamsRequest) (any, error) {
	limit, err := limitOf(in.Limit, 50, 50)
	if err != nil {
		return nil, err
	}
	if in.OrderBy == "LastEventTime" && in.LogStreamNamePrefix != "" {
		return nil, invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
	}
	name, streams, err := a.streamsOf(in.group)
	if err != nil {
		return nil, err
	}
	var all []streamShown
	for stream, st := range streams {
		if !strings.HasPrefix(stream, in.LogStreamNamePrefix) {
			continue
		}
		first, last := st.first.UnixMilli(), st.last.UnixMilli()
		all = append(all, streamShown{stream, first, first, last, last, a.arn(name) + ":log-stream:" + stream,
			st.bytes})
	}
	slices.SortFunc(all, func(x, y streamShown) int {
		order := strings.Compare(x.LogStreamName, y.LogStreamName)
		if in.OrderBy == "LastEventTime" {
			order = cmp.Or(cmp.Compare(x.LastEventTimestamp, y.LastEventTimestamp), order)
		}
		if in.Descending {
			return -order
		}
		return order
	})
	if in.NextToken != "" {
		i := slices.IndexFunc(all, func(s streamShown) bool { return s.LogStreamName == in.NextToken })
		if i < 0 {
			return nil, invalid("The specified nextToken is invalid.")
		}
		all = all[i+1:]
	}
	out := map[string]any{}
	if len(all) > limit {
		all = all[:limit]
		out["nextToken"] = all[limit-1].LogStreamName
	}
	if all == nil {
		all = []streamShown{}
	}
	out["logStreams"] = all
	return out, nil
}
