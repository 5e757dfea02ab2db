package models

import (
	"context"

	"github.com/uptrace/bun"
)

// The kinds and states of workflows, as WSO2 spells them.
const (
	WorkflowCreation = "AM_SUBSCRIPTION_CREATION"
	WorkflowUpdate   = "AM_SUBSCRIPTION_UPDATE"
	WorkflowDeletion = "AM_SUBSCRIPTION_DELETION"

	WorkflowCreated  = "CREATED"
	WorkflowApproved = "APPROVED"
	WorkflowRejected = "REJECTED"
)

// InsertWorkflow adds w.
func InsertWorkflow(ctx context.Context, db bun.IDB, w Workflow) error {
	_, err := db.NewInsert().Model(&w).Exec(ctx)
	return wrote(err, "Workflow")
}

// NewestWorkflow returns the newest workflow of one kind about reference, if there is one.
func NewestWorkflow(ctx context.Context, db bun.IDB, tenant TenantID, reference, kind string) (Workflow, bool, error) {
	var ws []Workflow
	err := db.NewSelect().Model(&ws).
		Where("wf.tenant_id = ? AND wf.wf_reference = ? AND wf.wf_type = ?", tenant, reference, kind).
		OrderExpr("wf.wf_id DESC").Limit(1).Scan(ctx)
	if err != nil || len(ws) == 0 {
		return Workflow{}, false, found(err, "Workflow")
	}
	return ws[0], true, nil
}

// SaveWorkflow writes w back if nobody has written it since it was read.
func SaveWorkflow(ctx context.Context, db bun.IDB, w Workflow) error {
	read := w.Version
	w.Version++
	res, err := db.NewUpdate().Model(&w).WherePK().Where("version = ?", read).Exec(ctx)
	return stale(res, err, "Workflow")
}
