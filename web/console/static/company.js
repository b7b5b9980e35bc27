// Keys are pressed in the reply: say so, at most every few seconds, so that colleagues and the customer can see it.
const EVERY = 4000; // ms; one word of it counts for six seconds
let last = 0;

document.addEventListener("input", (event) => {
  const place = document.querySelector(".company[data-writing]");
  if (!place || !(event.target instanceof HTMLTextAreaElement) || !event.target.value.trim()) return;
  const now = Date.now();
  if (now - last < EVERY) return;
  last = now;
  const { "X-CSRF-Token": csrf } = JSON.parse(document.body.getAttribute("hx-headers"));
  fetch(place.dataset.writing, { method: "POST", headers: { "X-CSRF-Token": csrf } }).catch(() => {});
});
