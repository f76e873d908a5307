package administration

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"

	"muster/server/instance"
	"muster/server/provisioning"
)

// attempts is how often a change of the setup begins anew because somebody else was
// faster.
const attempts = 20

// Version names the state of a part of the setup: the same for the same content.
func Version(content any) string {
	text, err := json.Marshal(content)
	if err != nil {
		panic(err) // it is texts and lists of them
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// onLatest makes a change of the setup of an instance, which reads it, and writes all
// of it: if somebody else has changed it meanwhile, it begins anew on what there is
// now, so that neither change is lost. A scope that is exact is not begun anew.
func (s *Service) onLatest(
	ctx context.Context, sc provisioning.Scope, change func(provisioning.Scope) error,
) error {
	for n := 1; ; n++ {
		err := change(sc)
		if !errors.Is(err, instance.ErrStale) {
			return err
		}
		if sc.Exact || n == attempts {
			return instance.Changed("the setup of %s was changed meanwhile: look at it, and do "+
				"what is still to be done", sc.Instance.Slug)
		}
		now, err := s.Scope(ctx, sc.Instance.Slug, sc.Actor)
		if err != nil {
			return err
		}
		sc.Instance = now.Instance
	}
}
