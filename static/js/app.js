// Pages work without it.
const find = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const { body, documentElement: root } = document;
const words = body.dataset;
const on = (type, act) => document.addEventListener(type, act);
const CHORD_MS = 1500; // less loses chords on a slow machine

const FIELD = "input:not([type=checkbox]):not([type=radio]), textarea, select";
const inField = (node) => Boolean(node.closest?.(FIELD)) || node.isContentEditable;
const say = (text) => find("#toasts .vh")?.replaceChildren(text);

// Fetched when it is first asked for.
const palette = async (text = "") => (await import(words.palette)).open(text);

let prefix = "";
let prefixAt = 0;

const rows = () => all("table[data-rows] tbody tr").filter((row) => row.offsetParent);
const row = () => document.activeElement.closest("table[data-rows] tbody tr");
const step = (by) => {
  const list = rows();
  if (!list.length) return;
  const at = list.indexOf(row());
  const next = list[at < 0 ? 0 : Math.min(list.length - 1, Math.max(0, at + by))];
  next.tabIndex = -1;
  next.focus();
  next.scrollIntoView({ block: "nearest" });
};
const showKeys = () => {
  const template = find("#keys");
  if (!find("dialog.keys") && template) body.append(template.content.cloneNode(true));
  find("dialog.keys")?.showModal();
};
const single = {
  j: () => step(1),
  k: () => step(-1),
  x: () => find("[name=ids]", row())?.click(),
  c: () => copy(find("[data-copy]", row())),
  "?": showKeys,
  "/": () => {
    const box = find("[data-search]");
    if (box) box.select();
    else palette();
  },
};
const needsRow = "xc";

const onSingle = (event) => {
  const keys = prefix && event.timeStamp - prefixAt < CHORD_MS ? `${prefix} ${event.key}` : "";
  prefix = "";
  const target = keys && find(`[data-keys="${CSS.escape(keys)}"]`);
  if (target) return target.click();
  if (event.key === "g" || event.key === "d") {
    prefix = event.key;
    prefixAt = event.timeStamp;
    return undefined;
  }
  if (event.key === "Enter" && event.target.matches("tr")) return find("a", event.target)?.click();
  const act = Object.hasOwn(single, event.key) && single[event.key];
  if (!act || (needsRow.includes(event.key) && !row())) return undefined;
  event.preventDefault();
  return act();
};

on("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
    event.preventDefault();
    palette();
  } else if (event.key === "Escape") {
    const menu = find("details[data-menu][open]");
    if (menu) {
      menu.open = false;
      find("summary", menu).focus();
    } else if (inField(event.target)) event.target.blur();
  } else if (
    !(event.ctrlKey || event.metaKey || event.altKey || inField(event.target)) &&
    !event.target.closest("dialog") && words.singleKeys !== "off"
  ) onSingle(event);
});

// One button for all rows.
const button = find("#copy-button")?.content.firstElementChild.cloneNode(true);
const copy = async (source) => {
  if (!source) return;
  await navigator.clipboard.writeText(source.dataset.copy || source.textContent.trim());
  say(words.copied);
  button?.classList.add("done");
  setTimeout(() => button?.classList.remove("done"), 1500);
};
const lend = (event) => {
  const near = event.target.closest?.("tr, .copy, dd");
  const source = near && (near.matches("[data-copy]") ? near : find("[data-copy]", near));
  if (!source || !button || button.parentNode === source) return;
  if (!source.dataset.copy) source.dataset.copy = source.textContent.trim();
  source.append(button);
};
on("pointerover", lend);
on("focusin", lend);
button?.addEventListener("click", () => copy(button.parentNode));

let last = null;
const tick = (boxes, checked) => boxes.forEach((box) => (box.checked = checked));
on("click", ({ target, shiftKey }) => {
  const boxes = all("[name=ids]");
  if (target.name === "ids") {
    const [from, to] = [boxes.indexOf(last), boxes.indexOf(target)].sort((a, b) => a - b);
    if (shiftKey && from >= 0) tick(boxes.slice(from, to + 1), target.checked);
    last = target;
  } else if (target.matches("[data-all]")) tick(boxes, target.checked);
  else if (target.closest("[data-none]")) tick([...boxes, ...all("[data-matching]")], false);
  else return;
  const ticked = boxes.filter((box) => box.checked);
  const net = ticked.reduce((sum, box) => sum + Number(box.closest("tr").dataset.net ?? 0), 0);
  for (const place of all("[data-count]")) place.textContent = ticked.length;
  for (const place of all("[data-sum]")) {
    place.textContent = (net / 100).toLocaleString("zh-CN", { style: "currency", currency: "CNY" });
  }
  tick(all("[data-all]"), ticked.length > 0 && ticked.length === boxes.length);
});

// Rows in use stay; a hidden page asks for nothing.
on("htmx:beforeRequest", (event) => {
  const { target } = event;
  if (target.matches("[data-live]") && (document.hidden || find("[name=ids]:checked, tbody :focus"))) event.preventDefault();
});

on("click", (event) => {
  const { target } = event;
  for (const menu of all("details[data-menu][open]")) if (!menu.contains(target)) menu.open = false;
  const opener = target.closest("[data-open]");
  const dialog = opener && document.getElementById(opener.dataset.open);
  if (dialog) (event.preventDefault(), dialog.showModal());
  if (target.closest("[data-close]")) (target.closest("dialog")?.close(), target.closest(".notice")?.remove());
  if (target.closest("[data-keys-sheet]")) showKeys();
  if (target.closest("[data-palette-open]")) (event.preventDefault(), palette());
  if (target.matches("dialog")) target.close();
});

let unsaved = false;
on("input", (event) => {
  if (event.target.closest("form[data-guard]")) unsaved = true;
});
on("change", (event) => {
  const { target } = event;
  if (target.matches("[data-upper]")) target.value = target.value.trim().toUpperCase();
  const menu = target.closest("details[data-menu]");
  const tally = menu && find(".count", menu);
  if (tally) {
    const used = all("input", menu).filter((i) => i.value && (i.checked || !/^(checkbox|radio)$/.test(i.type)));
    tally.textContent = used.length || "";
  }
});
addEventListener("beforeunload", (event) => {
  if (unsaved) event.preventDefault();
});
on("submit", (event) => {
  unsaved = false;
  const { target: form, submitter } = event;
  if (!form.matches("[data-theme]") || !submitter) return;
  event.preventDefault();
  root.dataset.theme = submitter.value;
  const data = new FormData(form);
  data.set("theme", submitter.value);
  fetch(form.action, { method: "POST", body: data, redirect: "manual" });
  for (const choice of all("button", form)) choice.ariaPressed = choice === submitter;
  form.closest("details").open = false;
});

let tip = null;
on("pointerover", (event) => {
  const place = event.target.closest?.(".c-hit rect, .beats g, .days li");
  if (!place) return tip?.remove();
  const title = find("title", place);
  place.dataset.tip ||= title?.textContent || place.title;
  title?.remove();
  place.removeAttribute("title");
  if (!place.dataset.tip) return undefined;
  tip ??= Object.assign(document.createElement("div"), { className: "tip", ariaHidden: true });
  tip.textContent = place.dataset.tip;
  body.append(tip);
  const box = place.getBoundingClientRect();
  const left = box.left + box.width / 2 - tip.offsetWidth / 2;
  tip.style.left = `${scrollX + Math.max(8, Math.min(left, root.clientWidth - tip.offsetWidth - 8))}px`;
  tip.style.top = `${scrollY + box.top + (box.height > 60 ? 8 : -tip.offsetHeight - 6)}px`;
  return undefined;
});
