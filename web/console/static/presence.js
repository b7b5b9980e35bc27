// A page tells every half minute that somebody is behind it, and for how long it was not touched. One that lies idle
// says so once more and falls silent, so that a forgotten page keeps nobody available and no session open.
const touches = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"];
const started = Date.now();
let touched = started;
let silent = false;

const idle = () => Math.floor((Date.now() - touched) / 1000);
const place = () => document.getElementById("presence");

for (const kind of touches) {
  document.addEventListener(
    kind,
    () => {
      touched = Date.now();
      if (!silent) return;
      silent = false;
      if (place()) window.htmx.trigger(place(), "touched");
    },
    { passive: true, capture: true },
  );
}

document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.path !== "/console/presence/beat") return;
  if (silent) return event.preventDefault();
  event.detail.parameters["idle"] = String(idle());
  silent = idle() >= Number(place()?.dataset.idleAfter ?? Infinity);
});

// Said by hand, the menu has done its work; a click elsewhere or Escape closes it, too.
document.addEventListener("click", (event) => {
  const menu = place()?.querySelector("details[open]");
  if (menu && !menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  const menu = place()?.querySelector("details[open]");
  if (event.key !== "Escape" || !menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});
// Nothing is changed under the hand of whoever is choosing.
document.addEventListener("htmx:beforeSwap", (event) => {
  const told = event.detail.requestConfig?.path === "/console/presence/beat";
  if (told && place()?.querySelector("details[open]")) event.detail.shouldSwap = false;
});
