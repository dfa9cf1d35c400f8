// Every place, every command of the page, and a search.
const words = document.body.dataset;
let dialog;

const make = (tag, props = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), props);
  node.append(...children);
  return node;
};

const places = () => {
  const seen = new Set();
  const found = [];
  for (const node of document.querySelectorAll(".side .nav a, .who a, .tabs a, .segments a, [data-command]")) {
    const label = (node.querySelector(".label") ?? node).textContent.trim();
    if (!label || seen.has(label)) continue;
    seen.add(label);
    found.push({ label, keys: node.dataset.keys, go: () => node.click() });
  }
  return found;
};

const build = () => {
  const input = make("input", { type: "text", placeholder: words.paletteHint, autocomplete: "off", spellcheck: false });
  const list = make("ul", { id: "palette-list", role: "listbox", ariaLabel: words.paletteHint });
  for (const [name, value] of Object.entries({ role: "combobox", "aria-expanded": "true", "aria-controls": "palette-list", "aria-label": words.paletteHint })) input.setAttribute(name, value);
  dialog = make("dialog", { className: "palette", ariaLabel: words.paletteHint }, input, list);
  const known = places();
  let at = 0;

  const choose = (item) => {
    dialog.close();
    item?.go();
  };
  const draw = () => {
    const text = input.value.trim();
    const items = known.filter((item) => item.label.toLowerCase().includes(text.toLowerCase()));
    if (text && words.searchUrl) {
      items.push({ label: `${words.paletteSearch} “${text}”`, go: () => location.assign(`${words.searchUrl}?q=${encodeURIComponent(text)}`) });
    }
    at = Math.max(0, Math.min(at, items.length - 1));
    list.replaceChildren(...items.map((item, i) => {
      const row = make("li", { id: `palette-${i}`, role: "option", onclick: () => choose(item) }, item.label);
      row.setAttribute("aria-selected", i === at);
      if (item.keys) row.append(make("kbd", { textContent: item.keys }));
      return row;
    }));
    input.setAttribute("aria-activedescendant", items.length ? `palette-${at}` : "");
    list.children[at]?.scrollIntoView({ block: "nearest" });
    return items;
  };
  input.addEventListener("input", () => {
    at = 0;
    draw();
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      at += event.key === "ArrowDown" ? 1 : -1;
      draw();
    } else if (event.key === "Enter") {
      event.preventDefault();
      choose(draw()[at]);
    }
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  draw();
};

export const open = () => {
  if (dialog?.open) return;
  build();
  dialog.showModal();
};
