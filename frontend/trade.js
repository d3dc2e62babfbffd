// Trades the access key of a link (`/r/room#key=…`) for a cookie. The address loses the key before
// anything else reads it. Also on the page for refused requests: without its key, a private room
// has no other page.

const key = location.hash.match(/^#key=(.*)/)?.[1];
if (key) {
  history.replaceState(history.state, "", location.pathname + location.search);
  const refused = (code) => location.assign(`/key?refused=${code}&next=${encodeURIComponent(location.pathname)}`);
  const request = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ key }) };
  fetch("/key", request).then(
    (answer) => (answer.ok ? location.reload() : refused("access_key_unknown")),
    () => refused("unavailable"),
  );
}
