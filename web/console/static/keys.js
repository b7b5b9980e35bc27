// The keyboard: rows with j and k, places with g and a letter, and all of it under ? (search.js has the /).
const GO_ON = 1200; // ms in which the second key of two must come
let waitingFor = 0;

const writing = (target) =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

const rows = () => [...document.querySelectorAll("[data-rows] a[id]")];

function step(by) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(document.activeElement);
  const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1)];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

function goTo(key) {
  const link = document.querySelector(`a[data-go="${CSS.escape(key)}"]`);
  if (link) location.assign(link.href);
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const help = document.getElementById("keys");
  if (writing(event.target)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (help?.open) return; // it closes by itself with Escape
  const second = Date.now() - waitingFor < GO_ON;
  waitingFor = 0;
  if (second) goTo(event.key);
  else if (event.key === "g") waitingFor = Date.now();
  else if (event.key === "j") step(1);
  else if (event.key === "k") step(-1);
  else if (event.key === "?") help?.showModal();
  else return;
  event.preventDefault();
});

document.addEventListener("click", (event) => {
  const wanted = event.target instanceof Element && event.target.closest("[data-opens]");
  if (wanted) document.getElementById(wanted.dataset.opens)?.showModal();
});
