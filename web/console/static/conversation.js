// Writing in a conversation: keys, `/` and `@`, files, and a thread that stays where its reader is.

const thread = () => document.getElementById("thread_scroll");
const form = () => document.querySelector("form.reply");
const box = () => document.getElementById("text");
const NEAR = 80; // px from the end that count as being there

const atEnd = () => { const it = thread(); return it && it.scrollHeight - it.scrollTop - it.clientHeight < NEAR; };
const toEnd = () => { const it = thread(); if (it) it.scrollTop = it.scrollHeight; };
const csrf = () => JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRF-Token"];

// --- the thread: what is read stays in sight; who reads the end sees what is new

let wasAtEnd = true;
let wasHigh = 0;
let written = null;

document.addEventListener("htmx:beforeSwap", (event) => {
  const { target } = event.detail;
  wasAtEnd = atEnd();
  wasHigh = thread() ? thread().scrollHeight - thread().scrollTop : 0;
  if (target.id !== "reply") return; // the thread may renew itself while the box does
  // The box renews itself because somebody else did something: what is typed just now stays.
  const renewed = event.detail.requestConfig.verb === "get" && box();
  written = renewed
    ? { text: box().value, at: box().selectionStart, focused: document.activeElement === box(), noting: noting() }
    : null;
});

document.addEventListener("htmx:afterSettle", (event) => {
  const id = event.detail.target.id;
  if (id === "thread") {
    const newest = document.querySelector(".newest");
    if (wasAtEnd || document.querySelector("#thread .undo")) toEnd();
    else if (newest) newest.hidden = atEnd();
    seen();
    count();
  } else if (id === "earlier") {
    thread().scrollTop = thread().scrollHeight - wasHigh;
  }
});

// At once, and not when all has settled: whoever types on types into the new box already.
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id !== "reply" || !box()) return;
  if (written) {
    box().value = written.text;
    if (written.focused) box().focus();
    box().setSelectionRange(written.at, written.at);
    if (written.noting) mode("note");
    written = null;
  } else if (event.detail.requestConfig.verb === "post" && (!form().classList.contains("note-only") || /\/(reply|note)$/.test(event.detail.requestConfig.path))) {
    box().focus(); // who handed back or resolved is done here, and the next key is none of a note
  }
});

/** With an empty box nothing has begun yet: what is in the thread now is what a reply will know of. */
function seen() {
  const lines = document.querySelector("#thread .lines");
  if (lines && box() && !box().value.trim() && form().elements.seen) form().elements.seen.value = lines.dataset.seen;
}

document.addEventListener("click", (event) => {
  if (!event.target.closest(".newest")) return;
  toEnd();
  event.target.closest(".newest").hidden = true;
});
document.addEventListener("scroll", (event) => {
  if (event.target !== thread()) return;
  const newest = document.querySelector(".newest");
  readsEnd = atEnd();
  if (newest && readsEnd) newest.hidden = true;
}, true);

// The box beneath grows with what is written, and who reads the end goes on reading it.
let readsEnd = true;
if (thread()) new ResizeObserver(() => readsEnd && toEnd()).observe(thread());

// A picture has its height only when it is there.
document.addEventListener("load", (event) => {
  if (event.target instanceof HTMLImageElement && event.target.closest("#thread") && wasAtEnd) toEnd();
}, true);

// One thing after the other: what is typed while something is under way is kept after it, and what was sent is no draft.
document.addEventListener("htmx:afterRequest", (event) => {
  const { elt, successful, requestConfig } = event.detail;
  if (elt === box() && successful && requestConfig.formData.get("text") !== box().value) htmx.trigger(box(), "weigh");
});

// --- undo: a button for as long as it can do something

let counting = null;
function count() {
  clearTimeout(counting);
  const buttons = [...document.querySelectorAll(".undo button")];
  for (const button of buttons) {
    button.dataset.until ??= String(Date.now() + 1000 * Number(button.dataset.seconds));
    button.dataset.label ??= button.textContent;
    const left = Math.ceil((Number(button.dataset.until) - Date.now()) / 1000);
    button.textContent = left > 0 ? `${button.dataset.label} (${left})` : button.dataset.label;
  }
  if (buttons.length) counting = setTimeout(count, 250);
}

// --- reply or note

const noting = () => form()?.querySelector('input[name="kind"]:checked, input[name="kind"][type="hidden"]')?.value === "note";
function mode(kind) {
  const radio = form()?.querySelector(`input[name="kind"][value="${kind}"]`);
  if (radio && radio.type === "radio" && !radio.checked) { radio.checked = true; radio.dispatchEvent(new Event("change", { bubbles: true })); }
}
document.addEventListener("change", (event) => {
  if (event.target.name !== "kind" || !box()) return;
  box().dataset.reply ??= box().placeholder;
  box().placeholder = noting() ? box().dataset.note : box().dataset.reply;
});

// --- `/` for canned replies, `@` for colleagues

let asked = 0;
const offers = () => document.getElementById("offers");
const options = () => [...(offers()?.querySelectorAll('[role="option"]') ?? [])];

/** What is being called: `/` at the beginning of a line, `@` behind a blank in a note. */
function called() {
  const it = box();
  if (!it || it.selectionStart !== it.selectionEnd) return null;
  const before = it.value.slice(0, it.selectionStart);
  const canned = noting() ? null : before.match(/(?:^|\n)\/([\p{L}\p{N}-]{0,40})$/u);
  if (canned) return { from: it.dataset.canned ?? form().dataset.canned, typed: canned[1], start: before.length - canned[1].length - 1 };
  const named = noting() ? before.match(/@([\p{L}\p{N}. -]{0,30})$/u) : null;
  return named && { from: form().dataset.colleagues, typed: named[1], start: before.length - named[1].length - 1 };
}

async function offer() {
  const wanted = called();
  if (!wanted) return close();
  const own = ++asked;
  const answer = await fetch(`${wanted.from}?typed=${encodeURIComponent(wanted.typed)}`).catch(() => null);
  if (own !== asked || !answer?.ok || !offers()) return;
  offers().innerHTML = await answer.text();
  if (own !== asked || !offers().children.length) return close();
  offers().hidden = false;
  choose(0);
}

function close() {
  asked++;
  if (offers()) { offers().hidden = true; offers().replaceChildren(); }
  box()?.removeAttribute("aria-activedescendant");
}

function choose(place) {
  const all = options();
  if (!all.length) return;
  const at = (place + all.length) % all.length;
  all.forEach((one, i) => one.setAttribute("aria-selected", String(i === at)));
  all[at].scrollIntoView({ block: "nearest" });
  box().setAttribute("aria-activedescendant", all[at].id);
}
const chosen = () => options().findIndex((one) => one.getAttribute("aria-selected") === "true");

function insert(option) {
  const wanted = called();
  if (!wanted || !option || option.getAttribute("aria-disabled") === "true") return;
  const it = box();
  it.setRangeText(option.dataset.text, wanted.start, it.selectionStart, "end");
  close();
  it.focus();
  it.dispatchEvent(new Event("input", { bubbles: true }));
}

document.addEventListener("mousedown", (event) => {
  const option = event.target.closest?.('#offers [role="option"]');
  if (!option) return;
  event.preventDefault();
  insert(option);
});

document.addEventListener("input", (event) => {
  if (event.target !== box()) return;
  offer();
});

// --- keys

let went = 0;

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.keyCode === 229) return; // an input method is at work: Chinese is being typed
  const open = offers() && !offers().hidden;
  if (event.target === box()) {
    if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      choose(chosen() + (event.key === "ArrowDown" ? 1 : -1));
    } else if (open && (event.key === "Enter" || event.key === "Tab") && !event.ctrlKey && !event.metaKey && chosen() >= 0) {
      event.preventDefault();
      insert(options()[chosen()]);
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      close();
      form().requestSubmit(form().querySelector('[data-key="Enter"]'));
    } else if (event.key === "Escape") {
      event.preventDefault();
      if (open) close();
      else if (noting() && form().querySelector('input[type="radio"]')) mode("reply");
      else box().blur();
    }
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) || event.target.isContentEditable) return;
  const second = Date.now() - went < 1200; // of `g` and a letter, which leads elsewhere (keys.js)
  went = event.key === "g" ? Date.now() : 0;
  if (second) return;
  if (event.key === "n" && box()) { event.preventDefault(); mode("note"); box().focus(); }
  else if (event.key === "r" && box() && !form().classList.contains("note-only")) { event.preventDefault(); mode("reply"); box().focus(); }
  else if (event.key === "p") passOn(event);
  else if (event.key === "t") document.querySelector('[data-key="t"]')?.click();
}, true); // before the keys of all pages, which know nothing of what is open here

function passOn(event) {
  const details = document.querySelector("details.transfer");
  if (!details) return;
  event.preventDefault();
  details.open = true;
  const choice = () => details.querySelector("select");
  if (choice()) choice().focus();
  else details.addEventListener("htmx:afterSettle", () => choice()?.focus(), { once: true });
}

// --- files: chosen, dropped, or pasted

async function upload(files) {
  const place = form()?.dataset.files;
  if (!place) return;
  for (const file of files) {
    const data = new FormData();
    data.append("file", file, file.name || "image.png");
    const answer = await fetch(place, { method: "POST", body: data, headers: { "X-CSRF-Token": csrf() } }).catch(() => null);
    const bar = document.getElementById("weighed");
    if (!answer?.ok || !bar) continue;
    bar.outerHTML = await answer.text();
    htmx.process(document.getElementById("weighed"));
  }
}
const canAttach = () => document.querySelector(".attach input") && !noting();
document.addEventListener("change", (event) => {
  if (!event.target.matches?.(".attach input")) return;
  upload([...event.target.files]).then(() => { event.target.value = ""; });
});
document.addEventListener("paste", (event) => {
  const files = [...(event.clipboardData?.files ?? [])];
  if (event.target === box() && files.length && canAttach()) { event.preventDefault(); upload(files); }
});
document.addEventListener("dragover", (event) => { if (canAttach() && event.target.closest?.(".talk")) event.preventDefault(); });
document.addEventListener("drop", (event) => {
  if (!canAttach() || !event.target.closest?.(".talk")) return;
  event.preventDefault();
  upload([...event.dataTransfer.files]);
});

// --- the layout of a mail: fetched only when somebody wants to see it, into a frame that can do nothing

document.addEventListener("toggle", (event) => {
  const place = event.target.dataset?.letter;
  if (!place || !event.target.open || event.target.querySelector("iframe")) return;
  const frame = document.createElement("iframe");
  frame.setAttribute("sandbox", "allow-popups allow-popups-to-escape-sandbox");
  frame.referrerPolicy = "no-referrer";
  frame.title = event.target.querySelector("summary").textContent;
  frame.src = place;
  event.target.append(frame);
}, true);

toEnd();
count();
