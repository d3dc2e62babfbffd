// What readers do with the rows of the list: move between them by keyboard, open the menu that all
// rows share, unfold a text. This only moves the focus and reads the document; in Rust it would
// take several times the bytes.

const LONG_PRESS_MS = 500;
const STEPS = { ArrowUp: -1, ArrowDown: 1 };

export function watchRows() {
  const [scroller, messages, menu, more] = ["scroller", "messages", "row_menu", "row_more"].map((id) => document.getElementById(id));
  if (!messages || !menu) return;
  // Into the landmark that it belongs to.
  scroller.parentNode.append(menu);
  const rowOf = (event) => event.target.closest("#messages > .message");
  const topOf = (element) => element.getBoundingClientRect().top;
  const links = (row, index) => row?.querySelectorAll("a[rel], summary").forEach((link) => (link.tabIndex = index));

  // The list is one tab stop. The links of a row are tab stops while the focus is in it.
  let current;
  messages.querySelectorAll("a, summary").forEach((link) => (link.tabIndex = -1));
  messages.addEventListener("focusin", (event) => {
    const row = rowOf(event);
    if (row === current) return;
    links(current, -1);
    links((current = row), 0);
  });
  new MutationObserver(() => {
    if (!current || current.isConnected) return;
    current = undefined;
    // The row that had the focus is gone.
    if (document.activeElement === document.body) scroller.focus({ preventScroll: true });
  }).observe(messages, { childList: true });

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
  };
  messages.addEventListener("pointerover", (event) => {
    const isMouse = event.pointerType !== "touch";
    scroller.toggleAttribute("data-mouse", isMouse);
    const row = isMouse && rowOf(event);
    if (row && more.parentNode !== row) row.append(more);
  });
  // The focus stays where it is, and the menu gives it back.
  more.addEventListener("mousedown", (event) => event.preventDefault());
  let chosen;
  menu.addEventListener("beforetoggle", (event) => {
    chosen?.classList.remove("chosen");
    if (event.newState !== "open") return;
    chosen = more.parentNode;
    chosen.classList.add("chosen");
    const of = { link: location.origin + location.pathname + "#" + chosen.id, text: chosen.querySelector(".text").textContent };
    for (const entry of menu.children) entry.dataset.of = of[entry.dataset.row];
    menu.style.setProperty("--top", topOf(chosen) + "px");
  });
  menu.addEventListener("click", () => menu.hidePopover());
  menu.addEventListener("keydown", (event) => {
    // No shortcut of the page.
    event.stopPropagation();
    const entries = [...menu.children];
    const step = STEPS[event.key];
    const next = step ? (entries.indexOf(document.activeElement) + step) % entries.length : { Home: 0, End: -1 }[event.key];
    if (event.key === "Tab") menu.hidePopover();
    if (next === undefined) return;
    event.preventDefault();
    entries.at(next).focus();
  });

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
