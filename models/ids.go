// Package models is the rows of the database and the statements on them, one
// file per table. It mirrors WSO2's AM_* tables and adds our own beside them.
package models

// A TenantID is an organisation's number. SuperTenant is the default one.
type TenantID int64

// SuperTenant is the tenant carbon.super, numbered as in WSO2 API Manager.
const SuperTenant TenantID = -1234

// SuperDomain is the domain of SuperTenant.
const SuperDomain = "carbon.super"
