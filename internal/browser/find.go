package browser

import (
	"context"
	_ "embed"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

//go:embed find.js
var findJS string

// typed enters text where the cursor is, as a keyboard or paste would.
func typed(text string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		if text == "" { // deletes what is selected
			return chromedp.Do(ctx, chromedp.KeyEvent("\b"))
		}
		_, err := cdp.Call(ctx, target, input.InsertText, input.InsertTextParams{Text: text})
		return err
	})
}
