// While somebody is passing a conversation on, the floor under their hands stays as it is; then it is looked at again.
const floor = document.getElementById("floor");
let missed = false;

const busy = () => floor.querySelector("details.transfer[open]") !== null;

floor.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target !== floor || !busy()) return;
  event.detail.shouldSwap = false;
  missed = true;
});
floor.addEventListener(
  "toggle",
  () => {
    if (busy() || !missed) return;
    missed = false;
    window.htmx.ajax("GET", "/console/board", { target: floor, source: floor });
  },
  true, // toggle does not bubble
);
