// One function per sentence of package browser. Each answers with a spot: where
// the element is, or why it cannot be used yet.
function (sentence, scope, ...args) {
  const words = (s) => (s || "").replace(/\s+/g, " ").trim();
  const visible = (e) => e.checkVisibility({ visibilityProperty: true }) && e.getClientRects().length > 0;
  const parts = "tr,li,section,article,fieldset,form,details,dl,aside,header,footer,nav,main,.card,.plan,.field";

  // The part of the page that is meant: the smallest one that holds the words.
  function root() {
    if (!scope) return document.body;
    const all = [...document.querySelectorAll(parts)].filter((e) => visible(e) && words(e.innerText).includes(scope));
    all.sort((a, b) => a.innerText.length - b.innerText.length);
    return all[0];
  }

  function name(e) {
    const by = e.getAttribute("aria-labelledby");
    if (by) return words(by.split(/\s+/).map((id) => document.getElementById(id)?.textContent).join(" "));
    return words(e.getAttribute("aria-label") || e.innerText || e.value || e.textContent);
  }

  // The words of a label, without those of the field inside it.
  function labelWords(label) {
    const copy = label.cloneNode(true);
    for (const inner of copy.querySelectorAll("input,select,textarea,.hint,.error")) inner.remove();
    return words(copy.textContent);
  }

  // What is called exactly so; else what begins so.
  function called(all, text, nameOf) {
    return all.find((e) => nameOf(e) === text) || all.find((e) => nameOf(e).startsWith(text));
  }

  function labelled(within, text) {
    const labels = [...within.querySelectorAll("label")].filter(visible);
    return called(labels, text, labelWords)?.control;
  }

  const no = (why) => ({ Why: why });

  function spot(e, more) {
    if (e.disabled) return no("it is disabled");
    e.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
    const box = e.getClientRects()[0];
    if (!box) return no("it has no place on the page");
    const x = box.left + box.width / 2, y = box.top + box.height / 2;
    const there = document.elementFromPoint(x, y);
    const hit = there && (e.contains(there) || there.contains(e) || [...(e.labels || [])].some((l) => l.contains(there)));
    if (!hit) return no("something else is in front of it: " + (there ? there.outerHTML.slice(0, 120) : "nothing"));
    return { Why: "", X: x, Y: y, Width: box.width, Value: e.value ?? "", Checked: !!e.checked, Leads: false, ...more };
  }

  // Whether a click will load another document.
  function leads(e) {
    if (e.closest("[data-hx-get],[data-hx-post],[data-hx-put],[data-hx-delete],[data-hx-boost=true]") && window.htmx) return false;
    if (e.tagName === "A") {
      const target = new URL(e.href, location.href);
      const same = target.pathname + target.search === location.pathname + location.search;
      return !e.target && !e.hasAttribute("download") && !(same && target.hash);
    }
    const submits = e.form && (e.type === "submit" || e.type === "image");
    return !!submits && (e.form.noValidate || e.formNoValidate || e.form.checkValidity());
  }

  const sentences = {
    clickable(within, text) {
      const all = [...within.querySelectorAll("a[href],button,summary,input[type=submit],[role=button]")].filter(visible);
      const e = called(all, text, name);
      if (!e) return no("nothing to click is called so, only: " + all.map(name).join(" · "));
      const away = leads(e);
      if (away) document.documentElement.dataset.leaving = "yes";
      return spot(e, { Leads: away });
    },
    arrived() {
      if (document.documentElement.dataset.leaving) return no("the page is still the same");
      return document.readyState === "complete" ? { Why: "" } : no("the page is still loading");
    },
    field(within, text) {
      const e = labelled(within, text);
      return e ? spot(e) : no("no field has this label");
    },
    selectAll(within, text) {
      const e = labelled(within, text);
      if (!e) return no("the field is gone");
      e.focus();
      e.select?.();
      return { Why: "" };
    },
    box(within, text) {
      const e = labelled(within, text);
      return e && (e.type === "checkbox" || e.type === "radio") ? spot(e) : no("no box has this label");
    },
    choose(within, text, option) {
      const legends = [...within.querySelectorAll("fieldset > legend")].filter(visible);
      const group = called(legends, text, (e) => words(e.innerText))?.parentElement;
      if (group) {
        const radio = labelled(group, option);
        return radio ? spot(radio) : no("the group has no such choice");
      }
      const e = labelled(within, text);
      if (!e || e.tagName !== "SELECT") return no("no choice has this label");
      const found = called([...e.options], option, (o) => words(o.textContent));
      if (!found) return no("it has only: " + [...e.options].map((o) => words(o.textContent)).join(" · "));
      e.value = found.value;
      e.dispatchEvent(new Event("input", { bubbles: true }));
      e.dispatchEvent(new Event("change", { bubbles: true }));
      return { Why: "" };
    },
    see(within, text) {
      return words(within.innerText).includes(words(text)) ? { Why: "" } : no("it is not there");
    },
    notSee(within, text) {
      return words(within.innerText).includes(words(text)) ? no("it is there") : { Why: "" };
    },
  };

  if (!document.body) return no("there is no page yet");
  const within = sentence === "arrived" ? document.body : root();
  if (!within) return sentence === "notSee" ? { Why: "" } : no("no part of the page holds " + JSON.stringify(scope));
  return sentences[sentence](within, ...args);
}
