// `/` searches from anywhere; the arrow keys walk through what was found.

const typesIn = (element) => element.closest("input, textarea, select, [contenteditable]") !== null;
const field = () => document.querySelector("[data-search]");
const found = () => [...document.querySelectorAll(".found > li > a")];

function walk(event) {
  const links = found();
  const place = links.indexOf(document.activeElement);
  const inField = document.activeElement === field();
  if (links.length === 0 || (place < 0 && !inField)) return;
  const next = place + (event.key === "ArrowDown" ? 1 : -1);
  if (inField && event.key === "ArrowUp") return;
  event.preventDefault();
  (next < 0 ? field() : links[Math.min(next, links.length - 1)]).focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "/" && !event.defaultPrevented && !typesIn(event.target)) {
    const input = field();
    if (input === null) return;
    event.preventDefault();
    input.focus();
    input.select();
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    walk(event);
  }
});
