// Why a conversation was not passed on is read in its form, with the note still in it.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, target } = event.detail;
  if (xhr.status === 409 && target.matches(".passes-on")) Object.assign(event.detail, { shouldSwap: true, isError: false });
});
