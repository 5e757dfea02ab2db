// Package account is the screens of signing in and of one's own account.
package account
