"use strict";
(() => {
  // a phone begins with an overview; without scripts all sections are open
  if (matchMedia("(max-width: 40rem)").matches)
    for (const place of document.querySelectorAll("details.section:not(.first)")) place.open = false;
  const openFor = (place) => {
    for (let one = place; one; one = one.parentElement?.closest("details")) if (one.tagName === "DETAILS") one.open = true;
  };
  const follow = () => {
    const place = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!place) return;
    openFor(place.querySelector("details.section") ?? place.closest("details"));
    place.scrollIntoView();
  };
  window.addEventListener("hashchange", follow);

  const form = document.getElementById("filters");
  if (form) {
    const rows = [...document.querySelectorAll(".example")].map((place) => ({ place, text: place.textContent.toLowerCase() }));
    const count = document.getElementById("count");
    const filter = () => {
      const wanted = Object.fromEntries(new FormData(form));
      const words = wanted.search.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const { place, text } of rows) {
        const fits =
          ["type", "model", "set"].every((name) => !wanted[name] || place.dataset[name] === wanted[name]) &&
          words.every((word) => text.includes(word));
        place.hidden = !fits;
        shown += fits;
      }
      count.textContent = shown === rows.length ? `${shown} examples` : `${shown} of ${rows.length} examples`;
      document.getElementById("nothing").hidden = shown > 0;
    };
    form.addEventListener("input", filter);
    form.addEventListener("reset", () => setTimeout(filter));
    form.addEventListener("submit", (event) => event.preventDefault());
    filter(); // a browser may bring back what was chosen before
  }
  // on paper all sections stand open, and the first example of each type
  window.addEventListener("beforeprint", () => {
    for (const place of document.querySelectorAll("details.section")) place.open = true;
    const seen = new Set();
    for (const place of document.querySelectorAll(".example:not([hidden])")) {
      if (!seen.has(place.dataset.type)) place.open = true;
      seen.add(place.dataset.type);
    }
  });
  document.documentElement.dataset.ready = Math.round(performance.now()); // filters work: milliseconds since the page was asked for
  follow();
})();
