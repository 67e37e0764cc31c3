"use strict";
(() => {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const dark = () => root.dataset.theme
    ? root.dataset.theme === "dark"
    : window.matchMedia("(prefers-color-scheme: dark)").matches;
  const name = () => {
    button.textContent = dark() ? "Light" : "Dark";
    button.setAttribute("aria-label", dark() ? "Switch to light colours" : "Switch to dark colours");
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    name();
  });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", name);
  name();

  // Paper has no summary to click: what is folded is printed.
  const folded = [];
  window.addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details:not([open])")) {
      folded.push(part);
      part.open = true;
    }
  });
  window.addEventListener("afterprint", () => {
    for (const part of folded.splice(0)) part.open = false;
  });

  const table = document.getElementById("table");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const headings = [...table.tHead.rows[0].cells];

  const compare = (index, numeric, direction) => (one, other) => {
    const a = one.cells[index].dataset.sort;
    const b = other.cells[index].dataset.sort;
    if (a === "" || b === "") return (a === "") - (b === ""); // what is missing stands last either way
    return direction * (numeric ? Number(a) - Number(b) : a.localeCompare(b, "en", { numeric: true }));
  };
  headings.forEach((heading, index) => {
    const sorter = heading.querySelector("button");
    sorter.addEventListener("click", () => {
      const ascending = heading.getAttribute("aria-sort") !== "ascending";
      for (const other of headings) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      rows.sort(compare(index, sorter.dataset.numeric === "true", ascending ? 1 : -1));
      body.append(...rows);
    });
  });

  const find = document.getElementById("find");
  const kind = document.getElementById("kind");
  const count = document.getElementById("count");
  const filter = () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      const ofKind = !kind.value || row.cells[1].dataset.sort === kind.value;
      row.hidden = !(ofKind && words.every((word) => text.includes(word)));
      shown += !row.hidden;
    }
    count.textContent = shown === rows.length ? `${rows.length} networks` : `${shown} of ${rows.length} networks`;
  };
  const form = document.getElementById("filters");
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  find.addEventListener("input", filter);
  kind.addEventListener("change", filter);
})();
