package catalog_test

import (
	"slices"
	"testing"

	"tollgate/catalog"
	"tollgate/internal/testdb"
	"tollgate/models"
)

// Members of a product are called by their contexts; of two with the same one, the
// second by its version too, as gateways route them.
func TestAProductSaysHowItsAPIsAreCalled(t *testing.T) {
	t.Parallel()
	s, ctx := newShop(t, testdb.New(t)), t.Context()
	var members []string
	for _, in := range []catalog.APIInput{
		{Name: "Rain", Version: "v1", Context: "rain", Upstream: "demo:rain"},
		{Name: "Sun", Version: "v1", Context: "sun", Upstream: "demo:sun"},
		{Name: "Rain", Version: "v2", Context: "rain", Upstream: "demo:rain"},
	} {
		uuid := s.api(s.nils, in)
		s.must(s.PublishAPI(ctx, s.nils, uuid))
		members = append(members, uuid)
	}
	made, err := s.CreateAPI(ctx, s.nils, models.TypeProduct, catalog.APIInput{Name: "Sky", Version: "v1", Context: "sky", Members: members})
	s.must(err)
	s.must(s.PublishAPI(ctx, s.nils, made.UUID))
	shown, err := s.Show(ctx, s.olga, made.UUID)
	s.must(err)
	if want := []string{"rain", "sun", "rain/v2"}; !slices.Equal(shown.Paths, want) || len(shown.Members) != len(want) {
		t.Errorf("%v are called by %v", shown.Members, shown.Paths)
	}
	alone, err := s.Show(ctx, s.olga, members[0])
	if err != nil || len(alone.Paths) != 0 {
		t.Errorf("an API has members at %v, %v", alone.Paths, err)
	}
}
