// Brings the server's page to life. A file of its own, so that the content security policy needs no inline script.
import init, { hydrate } from "./frontend.js";

await init({ module_or_path: new URL("frontend_bg.wasm", import.meta.url) });
hydrate();
