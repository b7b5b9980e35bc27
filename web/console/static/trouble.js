// What somebody asked for and did not get is said: the server is away, or it says why not in a page of its own.
const place = () => document.getElementById("trouble");

/** Whoever asked by hand; what a page renews by itself, it asks for again by itself. */
const byHand = ({ requestConfig, elt }) => requestConfig?.verb !== "get" && elt.matches?.("form, button, input, textarea, select");

function say(words) {
  if (!place()) return;
  place().textContent = words;
  place().hidden = false;
}

document.addEventListener("htmx:sendError", (event) => {
  if (byHand(event.detail)) say(place()?.dataset.away);
});
document.addEventListener("htmx:responseError", (event) => {
  if (!byHand(event.detail)) return;
  const answer = new DOMParser().parseFromString(event.detail.xhr.responseText, "text/html");
  say(answer.querySelector("[role=alert]")?.textContent.trim() || place()?.dataset.failed);
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful && place()) place().hidden = true;
});
