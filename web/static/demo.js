/* The demonstration shop: shows the page in one language and opens the chat in the same. */
(() => {
  "use strict";

  const pages = [...document.querySelectorAll(".page")];
  const chat = document.querySelector("rapport-chat");

  function wanted() {
    const asked = new URLSearchParams(location.search).get("language") || navigator.language;
    if (!asked.toLowerCase().startsWith("zh")) return "en";
    return /hant|tw|hk|mo/i.test(asked) ? "zh-Hant" : "zh-Hans";
  }

  function show(language) {
    for (const page of pages) page.hidden = page.lang !== language;
    const page = pages.find((shown) => !shown.hidden);
    document.documentElement.lang = language;
    document.title = page.dataset.title;
    chat.setAttribute("language", language);
    chat.setAttribute("title", page.dataset.title);
  }

  document.addEventListener("click", (event) => {
    const tongue = event.target.closest(".tongues a");
    if (tongue) {
      event.preventDefault();
      history.replaceState(null, "", tongue.href);
      show(tongue.lang);
      document.querySelector(".page:not([hidden]) .tongues [aria-current]").focus();
    } else if (event.target.closest(".ask")) {
      chat.setAttribute("open", "");
    }
  });

  for (const here of document.querySelectorAll(".here")) here.textContent = location.origin;
  show(wanted());
})();
