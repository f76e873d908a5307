package secevent

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
)

// Poller polls for tokens: Section 2 of RFC 8936.
type Poller struct {
	Verifier *Verifier
	// URL is that of the feed, and Token what is shown there.
	URL, Token string
	// Client asks; [http.DefaultClient] if nil.
	Client *http.Client
	// Take takes a token, as that of [Receiver] does.
	Take func(ctx context.Context, t *Token) error
	// Refused is called for each token that is not right itself; nil if nobody counts.
	Refused func()

	// taken and refused are what the transmitter is told when it is asked next.
	taken   []string
	refused map[string]map[string]string
}

// Poll acknowledges what was taken, waits for tokens, and takes them. It returns how
// many there were. After an error it can be called again: nothing is acknowledged that
// was not taken.
func (p *Poller) Poll(ctx context.Context, immediately bool) (n int, err error) {
	text, err := p.ask(ctx, map[string]any{"returnImmediately": immediately})
	if err != nil {
		return 0, err
	}
	var answer struct {
		Sets map[string]string `json:"sets"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return 0, fmt.Errorf("the answer of %s: %w", p.URL, err)
	}
	return p.takeAll(ctx, answer.Sets)
}

// Acknowledge acknowledges what was taken, and asks for nothing.
func (p *Poller) Acknowledge(ctx context.Context) error {
	if len(p.taken)+len(p.refused) == 0 {
		return nil
	}
	_, err := p.ask(ctx, map[string]any{"maxEvents": 0, "returnImmediately": true})
	return err
}

// ask sends a request with what is acknowledged.
func (p *Poller) ask(ctx context.Context, request map[string]any) ([]byte, error) {
	request["ack"] = append([]string{}, p.taken...)
	if p.refused != nil {
		request["setErrs"] = p.refused
	}
	body, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	text, err := p.post(ctx, body)
	if err == nil {
		p.taken, p.refused = nil, nil
	}
	return text, err
}

// takeAll takes tokens in the order in which they were issued, as far as their ids tell.
func (p *Poller) takeAll(ctx context.Context, sets map[string]string) (n int, err error) {
	byID := func(a, b string) int { // they end in numbers without leading zeros
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	}
	for _, id := range slices.SortedFunc(maps.Keys(sets), byID) {
		var refused *Error
		t, err := p.Verifier.Verify(ctx, sets[id])
		if err == nil {
			err = p.Take(ctx, t)
		} else if errors.As(err, &refused) && p.Refused != nil {
			p.Refused()
		}
		switch {
		case errors.As(err, &refused):
			if p.refused == nil {
				p.refused = make(map[string]map[string]string)
			}
			p.refused[id] = map[string]string{
				"err": refused.Code, "description": refused.Description,
			}
		case err != nil:
			return n, err
		default:
			p.taken = append(p.taken, id)
			n++
		}
	}
	return n, nil
}

func (p *Poller) post(ctx context.Context, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Authorization", "Bearer "+p.Token)
	resp, err := client(p.Client).Do(r)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxText))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %d: %.300s", p.URL, resp.StatusCode, text)
	}
	return text, nil
}
