// Notices of the desktop: shown for alerts that nobody has read, once each over all tabs.
const SHOWN = "rapport-alert-shown";
const bell = document.getElementById("bell");

function newest() {
  try { return Number(localStorage.getItem(SHOWN)) || 0; } catch { return 0; }
}

function remember(id) {
  try { localStorage.setItem(SHOWN, String(id)); } catch { /* a private window: the tag below tells repeats apart */ }
}

function show() {
  if (!("Notification" in window) || Notification.permission !== "granted") return;
  const list = bell.querySelector("ul");
  if (!list) return;
  const before = newest();
  const fresh = [...list.children].map((item) => ({ id: Number(item.dataset.alert), words: item.textContent }))
    .filter((one) => one.id > before).sort((one, other) => one.id - other.id);
  for (const one of fresh) {
    remember(one.id);
    const notice = new Notification(list.dataset.business, { body: one.words, tag: `rapport-alert-${one.id}` });
    notice.addEventListener("click", () => {
      window.focus();
      location.assign(`/console/alerts/${one.id}`);
    });
  }
}

function offer() {
  const [ask, on, denied] = ["[data-notices]", "[data-notices-on]", "[data-notices-denied]"].map((one) => document.querySelector(one));
  if (!ask || !("Notification" in window)) return;
  ask.hidden = Notification.permission !== "default";
  on.hidden = Notification.permission !== "granted";
  denied.hidden = Notification.permission !== "denied";
}

if (bell) bell.addEventListener("htmx:afterSwap", show);
document.querySelector("[data-notices]")?.addEventListener("click", async () => {
  await Notification.requestPermission();
  offer();
});
offer();
