// A clock for a page that shows its screen: that page is often hidden, and then its own timers are slow.
onmessage = ({ data }) => setInterval(() => postMessage(0), data);
