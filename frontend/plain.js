// Turns the page into the one that browsers without script show: the form posts by itself, and the live view shows the room.
// Loaded when the page's program cannot run or broke, and by browsers without modules. So its syntax is old.
(function () {
  function field(app, id) {
    return app.querySelector("#" + id);
  }

  // A copy has no listeners. Those of a program that broke would swallow what is posted.
  var before = document.getElementById("app");
  var app = before.cloneNode(true);
  var focused = document.activeElement;
  app.firstElementChild.removeAttribute("data-ready");
  ["chat_content", "author"].forEach(function (id) {
    if (field(before, id)) field(app, id).value = field(before, id).value;
  });
  before.parentNode.replaceChild(app, before);
  var same = focused.id && field(app, focused.id);
  if (same) {
    same.focus();
    if (focused.setSelectionRange) same.setSelectionRange(focused.selectionStart, focused.selectionEnd);
  }

  // What only browsers without script show so far.
  [].slice.call(document.querySelectorAll("noscript")).forEach(function (hidden) {
    var content = new DOMParser().parseFromString(hidden.textContent, "text/html");
    [content.head, content.body].forEach(function (part) {
      while (part.firstChild) hidden.parentNode.insertBefore(part.firstChild, hidden);
    });
    hidden.parentNode.removeChild(hidden);
  });
  document.documentElement.setAttribute("data-plain", "");

  // Enter posts. Where modules work, `composer.js` does that. An input method's Enter is its own.
  if ("noModule" in document.createElement("script")) return;
  field(app, "chat_content").addEventListener("keydown", function (event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    field(app, "message_form").querySelector("[type=submit]").click();
  });
})();
