
"use strict";
(() => {
  const all = [...document.querySelectorAll("details.resource")];
  const search = document.getElementById("filter");
  const unchanged = document.getElementById("unchanged");
  const count = document.getElementById("count");
  if (!search) return;

  const shown = () => all.filter((each) => !each.hidden);

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const each of all) {
      const text = each.dataset.search;
      const isKept = each.dataset.verb === "unchanged" && !unchanged.checked;
      each.hidden = isKept || !words.every((word) => text.includes(word));
    }
    count.textContent = `${shown().length} of ${all.length} resources`;
  }

  function fold(open) {
    for (const each of shown()) each.open = open;
  }

  function move(step) {
    const rows = shown().map((each) => each.querySelector("summary"));
    if (!rows.length) return;
    const at = rows.indexOf(document.activeElement);
    const next = at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + step, 0), rows.length - 1);
    rows[next].focus();
    rows[next].scrollIntoView({ block: "nearest" });
  }

  function reveal() {
    const found = location.hash && document.getElementById(location.hash.slice(1));
    if (!found || !all.includes(found)) return;
    if (found.hidden) { search.value = ""; unchanged.checked = true; filter(); }
    found.open = true;
    found.querySelector("summary").focus();
  }

  function toggleTheme() {
    const root = document.documentElement;
    const isDark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = isDark ? "light" : "dark";
  }

  const keys = {
    "/": () => search.focus(),
    j: () => move(1),
    k: () => move(-1),
    e: () => fold(true),
    c: () => fold(false),
    u: () => { unchanged.checked = !unchanged.checked; filter(); },
    t: toggleTheme,
  };

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && document.activeElement === search) {
      search.value = "";
      filter();
      search.blur();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input")) return;
    const act = keys[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  search.addEventListener("input", filter);
  unchanged.addEventListener("change", filter);
  document.getElementById("open").addEventListener("click", () => fold(true));
  document.getElementById("close").addEventListener("click", () => fold(false));
  document.getElementById("theme").addEventListener("click", toggleTheme);
  addEventListener("hashchange", reveal);
  addEventListener("beforeprint", () => fold(true));
  filter();
  reveal();
})();
