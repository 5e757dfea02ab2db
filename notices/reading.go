package notices

import (
	"context"
	"strconv"
	"strings"
	"time"

	"tollgate/internal/fault"
	"tollgate/models"
)

// A Page is one page of notices, newest first. After is where the next one goes
// on, "" when this is the last.
type Page struct {
	Rows  []models.Notice
	After string
}

func pageOf(rows []models.Notice, limit int) Page {
	if len(rows) <= limit {
		return Page{Rows: rows}
	}
	last := rows[limit-1]
	return Page{rows[:limit], strconv.FormatInt(int64(last.CreatedAt), 10) + "." + last.ID}
}

// place reads where a page ended; what is none is the beginning.
func place(after string) (models.Instant, string) {
	at, id, _ := strings.Cut(after, ".")
	ms, err := strconv.ParseInt(at, 10, 64)
	if err != nil || ms <= 0 || id == "" || len(id) > 64 || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return 0, ""
	}
	return models.Instant(ms), id
}

// Mine returns at most limit of a person's notices from after on, "" for the newest.
// Links into the portal are paths.
func (d *Desk) Mine(ctx context.Context, tenant models.TenantID, person, after string, limit int) (Page, error) {
	at, id := place(after)
	rows, err := models.NoticesOf(ctx, d.DB, tenant, person, at, id, limit+1)
	for i := range rows {
		rows[i].LinkURL = d.here(rows[i].LinkURL)
	}
	return pageOf(rows, limit), err
}

// here is a link as pages of the portal write it: without the portal's address,
// which may be another one today.
func (d *Desk) here(link string) string {
	if path, ok := strings.CutPrefix(link, d.PublicURL+"/"); ok {
		return "/" + path
	}
	return link
}

// Unread counts a person's notices that were not read.
func (d *Desk) Unread(ctx context.Context, tenant models.TenantID, person string) (int64, error) {
	return models.CountUnread(ctx, d.DB, tenant, person)
}

// Read notes that a person has read one of their notices. It may be said again. A
// notice that is not there, or another person's, is a NotFound fault.
func (d *Desk) Read(ctx context.Context, tenant models.TenantID, person, id string) error {
	n, err := models.NoticeByID(ctx, d.DB, tenant, id)
	if err != nil {
		return err
	}
	if n.PersonID != person {
		return fault.New(fault.NotFound, "Notice not found.")
	}
	_, err = models.ReadNotices(ctx, d.DB, tenant, person, id, n.CreatedAt, models.At(d.Business.Now()))
	return err
}

// ReadAll notes that a person has read all their notices that came until some time:
// that of the newest they have seen. It returns how many were new.
func (d *Desk) ReadAll(ctx context.Context, tenant models.TenantID, person string, until time.Time) (int64, error) {
	return models.ReadNotices(ctx, d.DB, tenant, person, "", models.At(until), models.At(d.Business.Now()))
}

// keep is how long notices stay that were read, in business time.
const keep = 400 * 24 * time.Hour

// Forget removes old notices that were read and whose mail is settled.
func (d *Desk) Forget(ctx context.Context) error {
	return models.DeleteOldNotices(ctx, d.DB, models.At(d.Business.Now().Add(-keep)))
}
