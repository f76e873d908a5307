package httpapi

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"muster/server/administration"
	"muster/server/history"
	"muster/server/provisioning"
)

// historyPage is how many rows a page of the history has if nothing is asked
// for.
const historyPage = 100

// historyQuery reads the parameters that choose rows.
func historyQuery(x *requestContext) administration.HistoryQuery {
	q := x.query
	return administration.HistoryQuery{
		User: q.Get("user"), Group: q.Get("group"), Key: q.Get("key"), Request: q.Get("request"),
		Outcome: q.Get("outcome"), Action: q.Get("action"), Text: q.Get("text"),
		From: q.Get("from"), To: q.Get("to"), Before: q.Get("before"),
	}
}

func (s *server) historyRoutes() []*route {
	type pruning struct {
		Days int `json:"olderThanDays"`
	}
	type pruned struct {
		Rows int `json:"rows"`
	}
	return []*route{
		auditors(s.adminRoute("GET", adminInstance+"/history", http.StatusOK, s.historyPage)),
		auditors(s.adminRoute("GET", adminInstance+"/history/stream", http.StatusOK,
			s.streamHistory)),
		auditors(s.long(s.adminRoute("GET", adminInstance+"/history/export", http.StatusOK,
			s.exportHistory))),
		auditors(s.long(s.adminRoute("GET", adminInstance+"/history/verification", http.StatusOK,
			func(x *requestContext, sc provisioning.Scope) (any, error) {
				return s.Admin.Verify(x.Context(), sc)
			}))),
		owners(s.long(s.adminRoute("POST", adminInstance+"/history/prunings", http.StatusOK,
			with(func(x *requestContext, sc provisioning.Scope, p pruning) (any, error) {
				n, err := s.Admin.Users.PruneHistory(x.Context(), sc,
					time.Duration(p.Days)*24*time.Hour)
				return pruned{n}, err
			})))),
	}
}

func (s *server) historyPage(x *requestContext, sc provisioning.Scope) (any, error) {
	var page struct {
		Items  []*history.Entry `json:"items"`
		Before string           `json:"before,omitempty"`
	}
	q := historyQuery(x)
	limit, err := strconv.Atoi(x.query.Get("limit"))
	if err != nil { // not given: the contract has checked it
		limit = historyPage
	}
	q.Limit = limit
	list, before, err := s.Admin.HistoryPage(x.Context(), sc, q)
	slices.Reverse(list) // the API has the oldest first
	page.Items, page.Before = append([]*history.Entry{}, list...), before
	return page, err
}

func (s *server) exportHistory(x *requestContext, sc provisioning.Scope) (any, error) {
	format := x.query.Get("format")
	mediaType := "text/csv; charset=utf-8"
	if format == "" || format == "jsonl" {
		format, mediaType = "jsonl", "application/x-ndjson"
	}
	return nil, s.Admin.Export(x.Context(), sc, historyQuery(x), format, x.answer, func() {
		x.answer.Header().Set("Content-Type", mediaType)
		x.answer.Header().Set("Cache-Control", "no-store")
		x.answer.WriteHeader(http.StatusOK)
	})
}
