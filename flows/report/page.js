"use strict";
(() => {
  const PAGE = 20;
  // a phone begins with an overview; without scripts all sections are open
  if (matchMedia("(max-width: 40rem)").matches)
    for (const place of document.querySelectorAll("details.section:not(.first)")) place.open = false;
  const openAround = (place) => {
    for (let one = place; one; one = one.parentElement?.closest("details")) if (one.tagName === "DETAILS") one.open = true;
  };
  // what is chosen stands in the address, so that it can be sent and gone back to
  const readAddress = () => {
    const [place, query] = location.hash.slice(1).split("?");
    return { place: decodeURIComponent(place), query, chosen: new URLSearchParams(query ?? "") };
  };

  // rows that are filtered, searched and downloaded: of the page itself, or of a server beside it that has them all
  const makeExplorer = (root) => {
    const served = root.dataset.served; // the address of all rows, where a server has them
    const prefix = root.dataset.item;
    const form = root.querySelector("form");
    const list = root.querySelector(".list");
    const count = root.querySelector("output");
    const fields = [...form.elements].filter((field) => field.name);
    const [back, more] = ["back", "more"].map((name) => root.querySelector(`.pages .${name}`));
    let begin = 0;
    let asked = 0;

    const readForm = () => {
      const chosen = new URLSearchParams();
      for (const { name, value } of fields) if (value) chosen.set(name, value);
      return chosen;
    };
    const fillForm = (chosen) => {
      for (const field of fields) {
        const value = chosen.get(field.name) ?? "";
        if (value && field.tagName === "SELECT" && ![...field.options].some((option) => option.value === value)) field.add(new Option(value, value));
        field.value = value;
      }
    };
    const tell = (shown, all) => {
      const to = served && shown ? ` (${begin + 1} to ${Math.min(begin + PAGE, shown)})` : "";
      count.textContent = shown === all ? `${all.toLocaleString("en")} rows${to}` : `${shown.toLocaleString("en")} of ${all.toLocaleString("en")} rows${to}`;
      root.querySelector(".nothing").hidden = shown > 0;
    };

    const fits = (place, name, value) => {
      const actual = place.dataset[name.replace(/-(\w)/g, (_, letter) => letter.toUpperCase())];
      return name === "kind" ? actual.split(" ").includes(value) : actual === value;
    };
    const filterHere = (chosen) => {
      const words = (chosen.get("search") ?? "").toLowerCase().split(/\s+/).filter(Boolean);
      const filters = [...chosen].filter(([name, value]) => value && name !== "search" && name !== "id");
      let shown = 0;
      for (const place of list.children) {
        place.text ??= place.textContent.toLowerCase();
        place.hidden = !(filters.every(([name, value]) => fits(place, name, value)) && words.every((word) => place.text.includes(word)));
        shown += !place.hidden;
      }
      tell(shown, list.children.length);
    };
    const askServer = async (chosen) => {
      const mine = ++asked;
      const query = new URLSearchParams(chosen);
      query.set("begin", begin);
      count.textContent = "…";
      try {
        const answer = await fetch(`${served}?${query}`);
        const found = await answer.json();
        if (mine !== asked) return;
        if (!answer.ok) throw new Error(found.error);
        list.innerHTML = found.html; // made by the same template as this page, which escapes what models wrote
        tell(found.rows, found.all);
        back.hidden = begin === 0;
        more.hidden = begin + PAGE >= found.rows;
      } catch (error) {
        if (mine === asked) count.textContent = `not answered: ${error.message}`;
      }
    };
    const find = (chosen) => (served ? askServer(chosen) : filterHere(chosen));
    const choose = () => {
      begin = 0;
      history.replaceState(null, "", `#${root.id}?${readForm()}`);
      find(readForm());
    };

    const download = (event) => {
      const kind = event.currentTarget.classList.contains("csv") ? "csv" : "jsonl";
      if (served) {
        event.currentTarget.href = `${served}.${kind}?${readForm()}`;
        return;
      }
      event.preventDefault();
      const shown = new Set([...list.children].filter((place) => !place.hidden).map((place) => place.id.slice(prefix.length)));
      const rows = JSON.parse(document.getElementById(`${root.id}-rows`).textContent).filter((row) => shown.has(row.id));
      const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
      const quote = (value) => {
        const text = value === null || value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
        // a spreadsheet takes what begins so for a formula
        return `"${(/^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text).replaceAll('"', '""')}"`;
      };
      const lines = kind === "csv" ? [names.map(quote).join(","), ...rows.map((row) => names.map((name) => quote(row[name])).join(","))] : rows.map((row) => JSON.stringify(row));
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([lines.map((line) => `${line}\n`).join("")], { type: kind === "csv" ? "text/csv" : "application/x-ndjson" }));
      link.download = `${root.id === "examples" ? "rows" : "changes"}.${kind}`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    };

    let waiting;
    form.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(choose, served ? 150 : 0);
    });
    form.addEventListener("reset", () => setTimeout(choose));
    form.addEventListener("submit", (event) => event.preventDefault());
    for (const link of root.querySelectorAll(".download")) link.addEventListener("click", download);
    const turn = (by) => () => {
      begin = Math.max(0, begin + by);
      askServer(readForm()).then(() => form.scrollIntoView());
    };
    back.addEventListener("click", turn(-PAGE));
    more.addEventListener("click", turn(PAGE));

    // an address names rows by what they are, or one by its id; without either a server's first page is shown
    const show = async ({ place, chosen }) => {
      begin = 0;
      const row = place.startsWith(prefix);
      if (row && (!served || asked > 0) && document.getElementById(place)) return;
      if (place !== root.id && !row && asked > 0) return;
      if (place === root.id) fillForm(chosen);
      await find(row ? new URLSearchParams({ id: place.slice(prefix.length) }) : readForm());
    };
    return { root, form, show };
  };

  const explorers = [...document.querySelectorAll(".explorer")].map(makeExplorer);
  const show = async () => {
    const address = readAddress();
    await Promise.all(explorers.map((explorer) => explorer.show(address)));
    const target = address.place && document.getElementById(address.place);
    if (!target) return;
    openAround(target.querySelector("details.section") ?? target.closest("details"));
    target.hidden = false;
    const explorer = address.query && explorers.find(({ root }) => root === target);
    (explorer ? explorer.form : target).scrollIntoView();
  };
  document.addEventListener("click", (event) => {
    const mark = event.target.closest("[data-rows]");
    if (mark) location.hash = mark.dataset.rows;
  });
  window.addEventListener("hashchange", show);
  // on paper all sections stand open, and the first example of each type
  window.addEventListener("beforeprint", () => {
    for (const place of document.querySelectorAll("details.section")) place.open = true;
    const seen = new Set();
    for (const place of document.querySelectorAll(".list > :not([hidden])")) {
      const kind = place.dataset.kind ?? `example ${place.dataset.type}`;
      if (!seen.has(kind)) place.open = true;
      seen.add(kind);
    }
  });
  document.documentElement.dataset.ready = Math.round(performance.now()); // filters work: milliseconds since the page was asked for
  show();
})();
