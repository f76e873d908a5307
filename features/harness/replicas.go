package harness

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"sync/atomic"
	"time"
)

// replicas are several servers on one database behind a proxy, which sends
// each request to the next of them.
type replicas struct {
	servers []*Server
	proxy   *http.Server
}

// replicate starts n servers, and returns one whose address is that of the
// proxy before them.
func (h *Harness) replicate(ctx context.Context, n int) (*Server, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	public := "http://" + l.Addr().String()
	r := &replicas{}
	var backends []*url.URL
	for range n {
		s, err := h.Serve(ctx, "127.0.0.1:0", "--public-url", public)
		if err != nil {
			_ = r.stop(os.Kill)
			return nil, fmt.Errorf("replica: %w", err)
		}
		r.servers = append(r.servers, s)
		backends = append(backends, &url.URL{Scheme: "http", Host: s.listens})
	}
	var turn atomic.Uint64
	r.proxy = &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(backends[turn.Add(1)%uint64(n)]) },
		Transport: &http.Transport{
			MaxIdleConnsPerHost: 64, DisableCompression: true,
		},
	}}
	go func() { _ = r.proxy.Serve(l) }()
	return &Server{Address: l.Addr().String(), replicas: r}, nil
}

func (r *replicas) stop(signal os.Signal) error {
	var err error
	if r.proxy != nil {
		err = r.proxy.Close()
	}
	for _, s := range r.servers {
		if stopErr := s.Stop(signal); err == nil {
			err = stopErr
		}
	}
	return err
}
