"use strict";
(() => {
  const PAGE = 20;
  const served = document.documentElement.dataset.served; // the address of all rows, where a server has them
  // a phone begins with an overview; without scripts all sections are open
  if (matchMedia("(max-width: 40rem)").matches)
    for (const place of document.querySelectorAll("details.section:not(.first)")) place.open = false;
  const openAround = (place) => {
    for (let one = place; one; one = one.parentElement?.closest("details")) if (one.tagName === "DETAILS") one.open = true;
  };

  const form = document.getElementById("filters");
  const list = document.getElementById("list");
  const fields = form ? [...form.elements].filter((field) => field.name) : [];
  const count = document.getElementById("count");
  let begin = 0;

  // what is chosen stands in the address, so that it can be sent and gone back to
  const readAddress = () => {
    const [place, query] = location.hash.slice(1).split("?");
    return { place: decodeURIComponent(place), chosen: new URLSearchParams(query ?? "") };
  };
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
  const tell = (shown, all, begin = 0) => {
    const to = served && shown ? ` (${begin + 1} to ${Math.min(begin + PAGE, shown)})` : "";
    count.textContent = shown === all ? `${all.toLocaleString("en")} rows${to}` : `${shown.toLocaleString("en")} of ${all.toLocaleString("en")} rows${to}`;
    document.getElementById("nothing").hidden = shown > 0;
  };

  const filterHere = (chosen) => {
    const words = (chosen.get("search") ?? "").toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    const places = [...document.querySelectorAll(".example")];
    for (const place of places) {
      place.text ??= place.textContent.toLowerCase();
      const fits =
        ["type", "model", "set", "step"].every((name) => !chosen.get(name) || place.dataset[name] === chosen.get(name)) &&
        words.every((word) => place.text.includes(word));
      place.hidden = !fits;
      shown += fits;
    }
    tell(shown, places.length);
  };
  let asked = 0;
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
      tell(found.rows, found.all, begin);
      document.getElementById("before").hidden = begin === 0;
      document.getElementById("more").hidden = begin + PAGE >= found.rows;
    } catch (error) {
      if (mine === asked) count.textContent = `not answered: ${error.message}`;
    }
  };
  const show = async () => {
    const { place, chosen } = readAddress();
    const row = place.startsWith("row-");
    const there = row && (!served || asked > 0) && document.getElementById(place);
    if (form && (place === "examples" || !place || (row && !there))) {
      if (place === "examples") fillForm(chosen);
      const wanted = row ? new URLSearchParams({ id: place.slice(4) }) : readForm();
      await (served ? askServer(wanted) : filterHere(wanted));
    }
    const target = place && document.getElementById(place);
    if (!target) return;
    openAround(target.querySelector("details.section") ?? target.closest("details"));
    target.hidden = false;
    target.scrollIntoView();
  };
  const choose = () => {
    begin = 0;
    history.replaceState(null, "", `#examples?${readForm()}`);
    served ? askServer(readForm()) : filterHere(readForm());
  };

  const download = (event) => {
    const kind = event.currentTarget.id;
    if (served) {
      event.currentTarget.href = `${served}.${kind}?${readForm()}`;
      return;
    }
    event.preventDefault();
    const shown = new Set([...document.querySelectorAll(".example:not([hidden])")].map((place) => place.id.slice(4)));
    const rows = JSON.parse(document.getElementById("rows").textContent).filter((row) => shown.has(row.id));
    const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
    const quote = (value) => {
      const text = value === null || value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
      // a spreadsheet takes what begins so for a formula
      return `"${(/^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text).replaceAll('"', '""')}"`;
    };
    const lines = kind === "csv" ? [names.map(quote).join(","), ...rows.map((row) => names.map((name) => quote(row[name])).join(","))] : rows.map((row) => JSON.stringify(row));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([lines.map((line) => `${line}\n`).join("")], { type: kind === "csv" ? "text/csv" : "application/x-ndjson" }));
    link.download = `rows.${kind}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };

  if (form) {
    let waiting;
    form.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(choose, served ? 150 : 0);
    });
    form.addEventListener("reset", () => setTimeout(choose));
    form.addEventListener("submit", (event) => event.preventDefault());
    for (const link of document.querySelectorAll(".download")) link.addEventListener("click", download);
    const turn = (by) => () => {
      begin = Math.max(0, begin + by);
      askServer(readForm()).then(() => form.scrollIntoView());
    };
    document.getElementById("before").addEventListener("click", turn(-PAGE));
    document.getElementById("more").addEventListener("click", turn(PAGE));
  }
  document.addEventListener("click", (event) => {
    const mark = event.target.closest("[data-rows]");
    if (mark) location.hash = mark.dataset.rows;
  });
  window.addEventListener("hashchange", () => {
    begin = 0;
    show();
  });
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
  show();
})();
