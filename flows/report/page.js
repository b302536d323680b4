"use strict";
(() => {
  const specs = JSON.parse(document.getElementById("specs").textContent);
  const tooltip = { theme: "page", disableDefaultStyle: true };
  // `ast` interprets expressions: the page's policy lets nothing be evaluated
  const options = { mode: "vega-lite", renderer: "svg", actions: false, ast: true, defaultStyle: false, tooltip };
  const draw = async (place) => {
    place.textContent = "";
    try {
      await window.vegaEmbed(place, specs[place.dataset.plot], options);
      // the place itself is the image, with a label and a table; its strokes are none
      for (const one of place.querySelectorAll("[role], [aria-roledescription]")) {
        one.removeAttribute("role");
        one.removeAttribute("aria-roledescription");
      }
    } catch (error) {
      place.textContent = "The picture could not be drawn; its numbers are below.";
      console.error(error);
    }
  };
  const drawAll = async () => {
    for (const place of document.querySelectorAll("[data-plot]")) {
      await draw(place);
      await new Promise((next) => setTimeout(next)); // the page answers between two pictures
    }
    document.documentElement.dataset.drawn = Math.round(performance.now());
  };

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
  // on paper the first example of each type stands open
  window.addEventListener("beforeprint", () => {
    const seen = new Set();
    for (const place of document.querySelectorAll(".example:not([hidden])")) {
      if (!seen.has(place.dataset.type)) place.open = true;
      seen.add(place.dataset.type);
    }
  });
  document.documentElement.dataset.ready = Math.round(performance.now()); // filters work: milliseconds since the page was asked for
  drawAll();
})();
