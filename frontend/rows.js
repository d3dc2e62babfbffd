// What readers do with the rows of the list: move between them by keyboard, open the menu that all
// rows share, react, unfold a text. This only moves the focus and reads the document; in Rust it
// would take several times the bytes.

const LONG_PRESS_MS = 500;
const STEPS = { ArrowUp: -1, ArrowDown: 1 };

/** Loads a script that few pages need. */
const load = (name) => import(new URL(name, import.meta.url).href);

export function watchRows() {
  const [scroller, messages, menu, more, form] = ["scroller", "messages", "row_menu", "row_more", "message_form"].map((id) =>
    document.getElementById(id),
  );
  if (!messages || !menu) return;
  // Into the landmark that it belongs to.
  scroller.parentNode.append(menu, document.getElementById("erase"));
  const rowOf = (event) => event.target.closest("#messages > .message");
  const topOf = (element) => element.getBoundingClientRect().top;
  const links = (row, index) => row?.querySelectorAll("a[rel], .quote, summary, .reactions button").forEach((link) => (link.tabIndex = index));

  // The list is one tab stop. The links of a row are tab stops while the focus is in it.
  let current, focused, chosen;
  messages.querySelectorAll("a, summary, .reactions button").forEach((link) => (link.tabIndex = -1));
  messages.addEventListener("focusin", (event) => {
    const row = rowOf(event);
    focused = event.target;
    if (row === current) return;
    links(current, -1);
    links((current = row), 0);
  });
  // A message that changes gets a new row. What readers have done to the old one stays.
  const gone = new Map();
  const carryOver = (old, row) => {
    if (old.querySelector("[open]")) row.querySelector("details").open = true;
    for (const mark of ["linked", "chosen"]) row.classList.toggle(mark, old.classList.contains(mark));
    if (more.parentNode === old) row.append(more);
    if (chosen === old) chosen = row;
    if (current !== old) return;
    links((current = row), 0);
    if (document.activeElement !== document.body) return;
    row.tabIndex = -1;
    const same = old.contains(focused) && focused.dataset.emoji;
    ((same && row.querySelector(`[data-emoji="${same}"]`)) || row).focus({ preventScroll: true });
  };
  const refer = () => messages.querySelector(".quote:empty") && load("references.js").then(({ fillQuotes }) => fillQuotes());
  new MutationObserver((changes) => {
    refer();
    for (const { addedNodes, removedNodes } of changes) {
      for (const old of removedNodes) if (old.id) gone.set(old.id, old);
      for (const row of addedNodes) if (gone.has(row.id)) carryOver(gone.get(row.id), row);
    }
    // Rows come and go before the next frame.
    requestAnimationFrame(() => {
      gone.clear();
      if (!current || current.isConnected) return;
      current = undefined;
      // The row that had the focus is gone for good.
      if (document.activeElement === document.body) scroller.focus({ preventScroll: true });
    });
  }).observe(messages, { childList: true });
  refer();
  // The program names the messages that have changed; 0 stands for the room.
  new MutationObserver(() => load("references.js").then(({ update }) => update(messages.dataset.changed.split(" ")))).observe(messages, {
    attributeFilter: ["data-changed"],
  });
  const focus = (row) => {
    row.tabIndex = -1;
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
    // At its start the list loads older messages.
    if (row === messages.querySelector(".message")) scroller.scrollTop = -scroller.scrollHeight;
    // Rows above have estimated heights, so only the end itself stays where it is.
    if (row === messages.lastElementChild) scroller.scrollTop = 0;
  };
  const isAboveEnd = (row) => topOf(row) < scroller.getBoundingClientRect().bottom - 8;
  const isVisible = (row) => row && topOf(row) >= topOf(scroller) && isAboveEnd(row);
  const first = (rows) => (isVisible(current) ? current : rows.findLast(isAboveEnd));
  scroller.addEventListener("keydown", (event) => {
    const { key, target } = event;
    const row = rowOf(event);
    if ((!row && target !== scroller) || event.ctrlKey || event.altKey || event.metaKey) return;
    if (row && target === row && (key === "Enter" || key === "ContextMenu" || (key === "F10" && event.shiftKey))) {
      event.preventDefault();
      return open(row);
    }
    const rows = [...messages.querySelectorAll(":scope > .message")];
    const step = STEPS[key];
    const next = step ? (row ? rows[rows.indexOf(row) + step] : first(rows)) : key === "Home" ? rows[0] : key === "End" && rows.at(-1);
    if (!next || event.shiftKey) return;
    // A list that follows its end has estimated heights.
    if (key === "Home") scroller.removeAttribute("data-follows");
    event.preventDefault();
    focus(next);
  });

  const open = (row) => {
    focus(row);
    row.append(more);
    more.click();
    focusMenu();
  };
  const focusMenu = () => menu.querySelector("[role=menuitem]:not([hidden])").focus();
  messages.addEventListener("pointerover", (event) => {
    const isMouse = event.pointerType !== "touch";
    scroller.toggleAttribute("data-mouse", isMouse);
    const row = isMouse && rowOf(event);
    if (row && more.parentNode !== row) row.append(more);
  });
  // The focus stays where it is, and the menu gives it back.
  more.addEventListener("mousedown", (event) => event.preventDefault());

  /* What the entries of the menu do: by `data-row` they copy, by `data-change` they publish. */

  const change = (kind, fields) => JSON.stringify({ kind, of: +chosen.dataset.offset, ...fields });
  const reaction = (emoji) => {
    const mine = [...chosen.querySelectorAll(".reactions [aria-pressed=true]")].some((button) => button.dataset.emoji === emoji);
    return change("react", { emoji, off: mine });
  };
  const publish = document.querySelector("#erase [data-change]");
  menu.addEventListener("beforetoggle", (event) => {
    chosen?.classList.remove("chosen");
    if (event.newState !== "open") return;
    chosen = more.parentNode;
    chosen.classList.add("chosen");
    const { own, by, offset } = chosen.dataset;
    const [text, author] = [".text", ".author"].map((part) => chosen.querySelector(part));
    const moderates = "moderates" in menu.dataset;
    const pinned = !!document.querySelector(`#about [href="#m-${offset}"]`);
    const age = Date.now() - Date.parse(chosen.querySelector("time").dateTime);
    // When an entry applies, by the words of its `data-if`.
    const is = {
      text,
      posts: !form.hasAttribute("data-closed"),
      young: age < menu.dataset.editSeconds * 1000,
      own: own !== undefined,
      mine: own !== undefined || moderates,
      moderates,
      other: own === undefined && by,
      pinned,
      unpinned: !pinned,
    };
    const copied = { link: location.origin + location.pathname + "#" + chosen.id, text: text?.textContent };
    menu.querySelector("#row_who").textContent = author ? [author.textContent, author.title].filter(Boolean).join(" · ") : "";
    for (const entry of [...menu.querySelectorAll("[data-if]"), ...menu.querySelectorAll("[data-row], [data-change]"), publish]) {
      const { row, change: kind, emoji, if: conditions } = entry.dataset;
      if (conditions) entry.hidden = !conditions.split(" ").every((word) => is[word]);
      if (row) entry.dataset.of = copied[row] ?? "";
      if (kind) entry.dataset.of = emoji ? reaction(emoji) : change(kind);
      if (entry.search !== undefined) entry.search = "?ban=" + by;
    }
    menu.style.setProperty("--top", topOf(chosen) + "px");
  });
  menu.addEventListener("toggle", ({ newState }) => {
    const { activeElement } = document;
    if (newState === "open") return menu.contains(activeElement) || focusMenu();
    // The row that had the focus got a new one meanwhile.
    if (activeElement === document.body) focus(chosen);
  });
  menu.addEventListener("click", ({ target }) => {
    const entry = target.closest("[role=menuitem], [data-emoji]");
    if (!entry) return;
    menu.hidePopover();
    const { compose } = entry.dataset;
    if (compose) load("composing.js").then((composing) => composing.start(compose, chosen));
  });
  // Another emoji.
  menu.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    const [field, button] = ["input", "[hidden]"].map((part) => event.target.querySelector(part));
    const emoji = field.value.trim();
    if (!emoji) return;
    button.dataset.of = reaction(emoji);
    field.value = "";
    menu.hidePopover();
    button.click();
  });
  messages.addEventListener(
    "click",
    (event) => {
      const button = event.target.closest("[data-emoji]");
      if (!button) return;
      chosen = rowOf(event);
      button.dataset.of = reaction(button.dataset.emoji);
    },
    true,
  );
  menu.addEventListener("keydown", (event) => {
    // No shortcut of the page.
    event.stopPropagation();
    const { key, target } = event;
    const isField = target.matches("input");
    const all = [...menu.querySelectorAll("button, input, a")].filter((entry) => entry.offsetParent);
    // The emoji are one line, between which the other two arrow keys move.
    const line = (entry) => (entry.closest("form") ? 0 : all.indexOf(entry));
    const side = { ArrowLeft: -1, ArrowRight: 1 }[key];
    const step = STEPS[key];
    const stops = side ? all : all.filter((entry, index) => !index || line(entry) !== line(all[index - 1]));
    const at = stops.findLastIndex((entry) => entry === target || (!side && line(entry) === line(target)));
    const end = isField ? undefined : { Home: 0, End: -1 }[key];
    const next = (step || (side && !isField)) ? (at + (step || side)) % stops.length : end;
    if (next === undefined) return;
    event.preventDefault();
    stops.at(next).focus();
  });
  menu.addEventListener("focusout", ({ relatedTarget }) => relatedTarget && !menu.contains(relatedTarget) && menu.hidePopover());

  // A long press opens the menu; the next one on the same row selects text.
  let timer, held, selectable;
  messages.addEventListener("pointerdown", (event) => {
    const row = rowOf(event);
    held = undefined;
    if (event.pointerType !== "touch" || !row || event.target.closest("a, button, summary")) return;
    if (row === selectable) return (selectable = undefined);
    timer = setTimeout(() => open((held = selectable = row)), LONG_PRESS_MS);
  });
  for (const type of ["pointerup", "pointercancel"]) {
    messages.addEventListener(type, () => {
      clearTimeout(timer);
      // Some browsers close the menu, because the press ends outside of it. It opens again before
      // the next frame.
      if (held) requestAnimationFrame(() => menu.matches(":popover-open") || more.click());
    });
  }
  // No click, menu or selection of the browser follows.
  for (const type of ["contextmenu", "touchend"]) {
    messages.addEventListener(type, (event) => held && event.preventDefault(), { passive: false });
  }

  // A text unfolds downwards, although the list is laid out from its end.
  scroller.addEventListener("click", (event) => {
    const fold = event.target.closest("summary")?.parentNode;
    if (!fold) return;
    event.preventDefault();
    const row = fold.closest(".message");
    const top = topOf(row);
    fold.open = !fold.open;
    if (fold.open) scroller.scrollTop += topOf(row) - top;
  });
}
